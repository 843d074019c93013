#!/usr/bin/env python3
"""Writes expected.json for each case of the corpus, by running the real Ansible.

    python3 -m venv /tmp/ansible && /tmp/ansible/bin/pip install 'ansible==12.*' netaddr passlib
    /tmp/ansible/bin/python tests/inventory/compare.py

The tests only read these files; Ansible is not needed to run them.
"""
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.pop("ANSIBLE_CONFIG", None)
os.environ["ANSIBLE_LOCALHOST_WARNING"] = "False"
os.environ["ANSIBLE_INVENTORY_UNPARSED_WARNING"] = "False"

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret, VaultSecretsContext
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

MAGIC = {
    "ansible_check_mode", "ansible_config_file", "ansible_diff_mode", "ansible_facts", "ansible_forks",
    "ansible_inventory_sources", "ansible_playbook_python", "ansible_python_interpreter", "ansible_run_tags",
    "ansible_skip_tags", "ansible_verbosity", "ansible_version", "group_names", "groups", "hostvars", "inventory_dir",
    "inventory_file", "inventory_hostname", "inventory_hostname_short", "omit", "playbook_dir", "vars",
}


def plain(value):
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value)


def expected(case):
    config = json.loads(Path("case.json").read_text())
    loader = DataLoader()
    loader.set_basedir(os.path.abspath(config.get("playbook_dir") or tempfile.mkdtemp()))
    if "vault_password" in config:
        password = Path(config["vault_password"]).read_text().strip().encode()
        secrets = [("default", VaultSecret(password))]
        loader.set_vault_secrets(secrets)
        VaultSecretsContext.initialize(VaultSecretsContext(secrets))
    sources = [source if "," in source else os.path.abspath(source) for source in config["sources"]]
    inventory = InventoryManager(loader=loader, sources=sources)
    variables = VariableManager(loader=loader, inventory=inventory)
    HostVars(inventory=inventory, variable_manager=variables, loader=loader)
    result = {"hosts": {}, "groups": {}, "patterns": {}}
    for name, host in inventory.hosts.items():
        found = variables.get_vars(host=host, include_hostvars=True, stage="all")
        templar = Templar(loader=loader, variables=found)
        shown = {}
        for key in sorted(set(found) - MAGIC):
            value = found[key]
            shown[key] = plain(templar.template(value) if config.get("render") else value)
        result["hosts"][name] = {"groups": found["group_names"], "vars": shown}
    for name, group in inventory.groups.items():
        result["groups"][name] = {
            "children": [child.name for child in group.child_groups],
            "hosts": [host.name for host in group.get_hosts()],
        }
    for pattern in config.get("patterns", []):
        result["patterns"][pattern] = [host.name for host in inventory.get_hosts(pattern)]
    return result


def main():
    init_plugin_loader()
    corpus = Path(__file__).resolve().parent / "corpus"
    for case in sorted(corpus.iterdir()):
        if sys.argv[1:] and case.name not in sys.argv[1:]:
            continue
        os.chdir(case)
        text = json.dumps(expected(case), indent=1, ensure_ascii=False, sort_keys=False)
        (case / "expected.json").write_text(text + "\n")
        print(case.name)


main()
