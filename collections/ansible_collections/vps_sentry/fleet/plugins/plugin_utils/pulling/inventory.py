# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's inventory, read by Ansible: its variables, templates and vault are what playbooks would see."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ..cohort import cohort_of
from ..fetch import AGENT
from . import UnfitError
from .target import Become, Target

_SUDO_FLAGS = ("", "-H -S -n")
# Name here -> the names Ansible knows for it, the first one set counts.
_NAMES: Dict[str, Sequence[str]] = {
    "connection": ("ansible_connection",),
    "address": ("ansible_ssh_host", "ansible_host"),
    "port": ("ansible_ssh_port", "ansible_port"),
    "user": ("ansible_ssh_user", "ansible_user"),
    "password": ("ansible_ssh_password", "ansible_ssh_pass", "ansible_password"),
    "key": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "common_args": ("ansible_ssh_common_args",),
    "extra_args": ("ansible_ssh_extra_args",),
    "become": ("ansible_become",),
    "become_method": ("ansible_become_method",),
    "become_user": ("ansible_sudo_user", "ansible_become_user"),
    "become_exe": ("ansible_sudo_exe", "ansible_become_exe"),
    "become_flags": ("ansible_sudo_flags", "ansible_become_flags"),
    "become_password": ("ansible_sudo_pass", "ansible_become_password", "ansible_become_pass"),
    "cohort": ("vps_sentry_cohort",),
    "cohort_groups": ("vps_sentry_cohort_groups",),
    "agent": ("vps_sentry_agent",),
    "max_age": ("vps_sentry_max_age",),
}


class InventoryError(Exception):
    """The inventory cannot be used; Ansible's own words."""


@dataclass(frozen=True)
class Asked:
    """What the command line says: where the inventory is, whom of it, and with which secrets."""

    sources: Sequence[str] = ()
    limit: Optional[str] = None
    vault_ids: Sequence[str] = ()
    vault_password_files: Sequence[str] = ()
    ask_vault_password: bool = False


@dataclass(frozen=True)
class Inventory:
    """Targets in the inventory's order, and the names of all hosts whatever the limit."""

    targets: List[Target]
    everybody: List[str]


def load(asked: Asked) -> Inventory:
    """Read the inventory. Raises InventoryError."""
    # Only this command needs Ansible itself, and importing it takes longer than most commands run.
    from ansible import constants
    from ansible.cli import CLI
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.vars.manager import VariableManager

    try:
        init_plugin_loader()
        loader = DataLoader()
        ids = [*constants.DEFAULT_VAULT_IDENTITY_LIST, *asked.vault_ids]
        files = list(asked.vault_password_files)
        secrets = CLI.setup_vault_secrets(loader, ids, files, asked.ask_vault_password, auto_prompt=False)
        loader.set_vault_secrets(secrets)
        manager = InventoryManager(loader=loader, sources=list(asked.sources or constants.DEFAULT_HOST_LIST))
        variables = VariableManager(loader=loader, inventory=manager, version_info=CLI.version_info(gitinfo=False))
        everybody = [host.name for host in manager.get_hosts("all", ignore_limits=True)]
        if asked.limit is not None:
            manager.subset(asked.limit)
        reader = _Reader(loader, variables, {name: list(group) for name, group in manager.get_groups_dict().items()})
        return Inventory([reader.target(host) for host in manager.get_hosts()], everybody)
    except AnsibleError as exc:
        raise InventoryError(" ".join(str(exc).split())) from exc


class _Reader:
    """Turns a host's variables into a target."""

    def __init__(self, loader: Any, variables: Any, groups: Mapping[str, List[str]]) -> None:
        from ansible import constants
        from ansible.template import Templar

        self._loader, self._variables, self._groups = loader, variables, groups
        self._constants, self._templar = constants, Templar

    def target(self, host: Any) -> Target:
        """One host. Only the variables it needs are rendered."""
        known = self._variables.get_vars(host=host, include_hostvars=False)
        templar = self._templar(loader=self._loader, variables=known)
        found: Dict[str, Any] = {}
        for name, names in _NAMES.items():
            given = next((known[one] for one in names if one in known), None)
            # Ansible's values are tagged subclasses; a round trip makes them the plain ones they look like.
            found[name] = json.loads(json.dumps(templar.template(given), default=str))
        return self._made(str(host.name), found)

    def _made(self, name: str, found: Mapping[str, Any]) -> Target:
        cohort = cohort_of(name, self._groups, explicit=found["cohort"], preferred=found["cohort_groups"] or [])
        address, agent = str(found["address"] or name), str(found["agent"] or AGENT)
        max_age = None if found["max_age"] is None else int(found["max_age"])
        try:
            return Target(
                name=name,
                cohort=cohort,
                address=address,
                port=None if found["port"] is None else int(found["port"]),
                user=found["user"] or self._constants.DEFAULT_REMOTE_USER,
                password=found["password"],
                key=found["key"] or self._constants.DEFAULT_PRIVATE_KEY_FILE,
                arguments=tuple(_arguments(found)),
                become=self._become(found),
                agent=agent,
                max_age=max_age,
                unfit=_unfit(found["connection"] or self._constants.DEFAULT_TRANSPORT),
            )
        except UnfitError as exc:
            return Target(name, cohort, address, agent=agent, max_age=max_age, unfit=str(exc))

    def _become(self, found: Mapping[str, Any]) -> Optional[Become]:
        # As playbooks/collect.yml: yes, unless the inventory says no.
        if found["become"] is not None and not _truth(found["become"]):
            return None
        method = found["become_method"] or self._constants.DEFAULT_BECOME_METHOD
        if method.rpartition(".")[2] != "sudo" or (found["become_flags"] or "") not in _SUDO_FLAGS:
            raise UnfitError(f"becoming root by {method} {found['become_flags'] or ''}".rstrip() + " needs Ansible")
        return Become(found["become_user"] or "root", found["become_exe"] or "sudo", found["become_password"])


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in ("1", "true", "yes", "on", "y", "t")


def _arguments(found: Mapping[str, Any]) -> Iterator[str]:
    for name in ("common_args", "extra_args"):
        yield from shlex.split(found[name] or "")


def _unfit(connection: str) -> str:
    plain = connection.rpartition(".")[2]
    return "" if plain in ("ssh", "smart", "paramiko", "paramiko_ssh") else f"connection {connection} needs Ansible"
