# SPDX-License-Identifier: GPL-3.0-or-later
"""Older stores become the schema of this release, in one transaction: what is missing is added, nothing is removed."""

from __future__ import annotations

from . import schema
from ._libraries import sa


def upgrade(connection: sa.Connection) -> None:
    """Add the tables, columns and indexes that ``schema`` has and the store has not, then note its version."""
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    schema.metadata.create_all(connection)
    for table in schema.metadata.sorted_tables:
        if table.name in present:
            known = {column["name"] for column in inspector.get_columns(table.name)}
            for column in table.columns:
                if column.name not in known:
                    _add(connection, column)
            for index in table.indexes:
                index.create(connection, checkfirst=True)
    note_version(connection)


def _add(connection: sa.Connection, column: sa.Column[object]) -> None:
    quote = connection.dialect.identifier_preparer.format_table
    described = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {quote(column.table)} ADD COLUMN {described}")


def note_version(connection: sa.Connection) -> None:
    """Write down that the store has the schema of this release."""
    row, table = {"value": str(schema.VERSION)}, schema.meta
    if not connection.execute(sa.update(table).where(table.c.name == "schema").values(row)).rowcount:
        connection.execute(sa.insert(table), {"name": "schema", **row})


def version_of(connection: sa.Connection) -> str:
    """The version a store says it has; ``missing`` when it does not say."""
    table = schema.meta
    return connection.scalar(sa.select(table.c.value).where(table.c.name == "schema")) or "missing"
