# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the store: content-addressed, so that what hosts share is kept once.

item -> bucket -> root (64 buckets of a check) -> state (the roots of all checks) <- snapshot <- host.
An unchanged host adds one row to ``snapshot`` and nothing else. Digests are 32 raw bytes.

A column or a table that is new raises VERSION; ``migrations`` brings it into older stores, so it must be nullable or
have a server default. The same tables live in SQLite and in PostgreSQL.
"""

from __future__ import annotations

from ._libraries import sa

VERSION = 6

metadata = sa.MetaData()

meta = sa.Table(
    "vps_sentry_meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

item = sa.Table(
    "item",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False, comment="canonical JSON"),
)

bucket = sa.Table(
    "bucket",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("number", sa.Integer, nullable=False, comment="0 to 63; -1 for the empty bucket"),
)

bucket_item = sa.Table(
    "bucket_item",
    metadata,
    sa.Column("bucket", sa.ForeignKey("bucket.id"), primary_key=True),
    sa.Column("item", sa.ForeignKey("item.id"), primary_key=True),
    sqlite_with_rowid=False,
)

root = sa.Table(
    "root",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
)

root_bucket = sa.Table(
    "root_bucket",
    metadata,
    sa.Column("root", sa.ForeignKey("root.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("bucket", sa.ForeignKey("bucket.id"), nullable=False),
    sqlite_with_rowid=False,
)

# Derived from the tables above by the controller's rules (scope.py) and made anew when those change.
bucket_shared = sa.Table(
    "bucket_shared",
    metadata,
    sa.Column("bucket", sa.ForeignKey("bucket.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("check_name", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="over the items that hosts are compared on"),
    sqlite_with_rowid=False,
)

root_shared = sa.Table(
    "root_shared",
    metadata,
    sa.Column("root", sa.ForeignKey("root.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("check_name", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="over the digests of its 64 buckets"),
    sqlite_with_rowid=False,
)

state = sa.Table(
    "state",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
)

state_check = sa.Table(
    "state_check",
    metadata,
    sa.Column("state", sa.ForeignKey("state.id"), primary_key=True),
    sa.Column("check_name", sa.Text, primary_key=True),
    sa.Column("root", sa.ForeignKey("root.id"), nullable=False),
    sqlite_with_rowid=False,
)

host = sa.Table(
    "host",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="the inventory's name, never the host's own"),
    sa.Column("cohort", sa.Text, nullable=False),
    sa.Column(
        "outcome", sa.Text, nullable=False, comment="of the last attempt: asked, collected, or why there was no bundle"
    ),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("missed", sa.Integer, nullable=False, comment="attempts since the last bundle"),
    sa.Column("head", sa.Integer, comment="the last snapshot; null before first contact"),
    sa.Column("max_age", sa.Integer, comment="missed collects that cost its vote; null = the fleet's"),
    sa.Column("retired_at", sa.Text, comment="no longer asked nor compared; null = active"),
    sa.Column("retired_reason", sa.Text),
    sa.Column("absent_since", sa.Text, comment="when it was first missing from the inventory; null = it is there"),
)

snapshot = sa.Table(
    "snapshot",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", sa.ForeignKey("host.id"), nullable=False),
    sa.Column("header", sa.LargeBinary(32), nullable=False, comment="digest over everything but nonce and buckets"),
    sa.Column("run", sa.BigInteger, nullable=False),
    sa.Column("prev", sa.Text),
    sa.Column("taken_at", sa.Text, nullable=False, comment="the host's clock, RFC 3339 UTC"),
    sa.Column("collected_at", sa.Text, nullable=False, comment="the controller's clock, RFC 3339 UTC"),
    sa.Column("run_since", sa.Text, comment="when the controller first saw this run"),
    sa.Column("norm", sa.BigInteger, nullable=False),
    sa.Column("machine_id", sa.Text, nullable=False),
    sa.Column("host_keys", sa.Text, nullable=False, comment="canonical JSON"),
    sa.Column("agent_digest", sa.Text),
    sa.Column("baseline", sa.Text, nullable=False, comment="none, accepted, lost"),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, comment="of the baseline; null without one"),
    sa.Column("accepted", sa.ForeignKey("state.id"), comment="null without a baseline"),
    sa.Column("observed", sa.ForeignKey("state.id"), nullable=False),
    sa.Column("vouched", sa.ForeignKey("state.id"), comment="what upgrades explain (vouching.py); null: nothing"),
    sa.Column("criticals", sa.Integer, nullable=False, comment="open alerts of that severity"),
    sa.Column("warnings", sa.Integer, nullable=False),
    sa.UniqueConstraint("host", "header"),
    sa.Index("snapshot_observed", "observed"),
    sa.Index("snapshot_accepted", "accepted"),
    sa.Index("snapshot_vouched", "vouched"),
)

problem = sa.Table(
    "problem",
    metadata,
    sa.Column("snapshot", sa.ForeignKey("snapshot.id"), primary_key=True),
    sa.Column("check_name", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False, comment="failed, skipped"),
    sa.Column("error", sa.Text, nullable=False),
)

waiver = sa.Table(
    "waiver",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("check_name", sa.Text, nullable=False),
    sa.Column("pattern", sa.Text, nullable=False, comment="a key, or a glob over keys"),
    sa.Column("place", sa.Text, nullable=False, comment="host, cohort, fleet"),
    sa.Column("name", sa.Text, nullable=False, comment="of the host or cohort"),
    sa.Column("waived", sa.Text, comment="JSON list of fingerprints of values; null for a glob"),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("expires", sa.Text, nullable=False, comment="RFC 3339 UTC; when it was ended before, that time"),
)

trusted = sa.Table(
    "trusted",
    metadata,
    sa.Column("host", sa.ForeignKey("host.id"), primary_key=True),
    sa.Column("machine_id", sa.Text, nullable=False, index=True),
    sa.Column("host_keys", sa.Text, nullable=False, comment="canonical JSON"),
    sa.Column("sequence", sa.BigInteger, nullable=False, comment="of the baseline; 0 without one"),
    sa.Column("digest", sa.Text, comment="of the baseline"),
    sa.Column("agent_digest", sa.Text, comment="of the MANIFEST of its agent's release; null while unknown"),
    sa.Column("timer", sa.Text, comment="state of its agent's timer; null while unknown"),
    sa.Column("how", sa.Text, nullable=False, comment="adopted, reviewed"),
    sa.Column("since", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    comment="what this controller takes a host for: moved by first contact and by people, never by a host",
)

trust_finding = sa.Table(
    "trust_finding",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", sa.ForeignKey("host.id"), nullable=False, index=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column(
        "subject", sa.Text, nullable=False, comment="what hosts with the same finding share, a machine-id; or empty"
    ),
    sa.Column("detail", sa.Text, nullable=False, comment="one sentence, safe to print"),
    sa.Column("votes", sa.Boolean, nullable=False, comment="whether the host keeps its vote"),
    sa.Column("first_seen", sa.Text, nullable=False),
    sa.Column("last_seen", sa.Text, nullable=False),
    sa.Column("cleared_at", sa.Text, comment="null while it stands"),
    sa.Column("cleared_by", sa.Text),
    sa.Column("cleared_reason", sa.Text),
)

event = sa.Table(
    "host_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", sa.ForeignKey("host.id"), nullable=False, index=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False, comment="retired, returned, renamed, reinstalled, adopted"),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    comment="what people said about a host; never changed",
)

acceptance = sa.Table(
    "acceptance",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", sa.ForeignKey("host.id"), nullable=False, index=True),
    sa.Column("plan_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="see ledger.State"),
    sa.Column("reason", sa.Text, nullable=False, comment="why it is not active, safe to print"),
    sa.Column("sequence", sa.BigInteger, nullable=False, comment="of the baseline once it is active"),
    sa.Column("digest", sa.Text, nullable=False, comment="of that baseline, computed here"),
    sa.Column("lifetime", sa.Text, comment="when it gives way again; null = it holds"),
    sa.Column("reverted", sa.Text, comment="the digest after that"),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("canary", sa.Boolean, nullable=False),
    sa.Column("order", sa.Text, nullable=False, comment="canonical JSON; manifest and signature stand in the log"),
    sa.Column("expires", sa.Text, nullable=False, comment="until when it may be handed over"),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("changed_at", sa.Text, nullable=False),
    sa.UniqueConstraint("host", "plan_id"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("prev", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("plan_id", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, comment="canonical JSON"),
    sa.Column("head", sa.Text, nullable=False, unique=True),
    comment="a hash chain: entries are only added, see acceptance/chain.py",
)

sighting = sa.Table(
    "sighting",
    metadata,
    sa.Column("host", sa.ForeignKey("host.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True, comment="key, address"),
    sa.Column("subject", sa.Text, primary_key=True, comment="fingerprint or address network"),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("how", sa.Text, primary_key=True, comment="of a login: method and key"),
    sa.Column("first_seen", sa.Text, nullable=False, comment="the host's clock, RFC 3339 UTC"),
    sa.Column("last_seen", sa.Text, nullable=False),
    sa.Column("standing", sa.Boolean, nullable=False, comment="whether its alert still stands"),
    comment="new keys and logins, as alerts told of them",
)

change_record = sa.Table(
    "change_record",
    metadata,
    sa.Column("host", sa.ForeignKey("host.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True, comment="as in the key of an item"),
    sa.Column("asked", sa.Text, nullable=False, comment="canonical JSON: fields that the controller itself knows"),
    sa.Column("told", sa.Text, nullable=False, comment="canonical JSON: mode and owner as the host's module said"),
    sa.Column("playbook", sa.Text, nullable=False),
    sa.Column("play", sa.Text, nullable=False),
    sa.Column("task", sa.Text, nullable=False),
    sa.Column("revision", sa.Text, nullable=False, comment="git's, of the playbook's folder; empty without"),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    comment="what plays of Ansible left on a host, the last of each path; see changes/record.py",
)
