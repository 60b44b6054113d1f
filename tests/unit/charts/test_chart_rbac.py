"""What the operator may do, and what nobody gets by this chart."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from chart import CI, ENVIRONMENT, Document, is_test, of_kind, render

CHANGING = {"create", "update", "patch", "delete", "deletecollection"}


def rules(found: list[Document]) -> list[Document]:
    """Return every rule of every role that is not for users and not for the test."""
    return [
        rule
        for role in of_kind(found, "ClusterRole") + of_kind(found, "Role")
        if not is_test(role) and not role["metadata"]["name"].endswith((":view", ":edit"))
        for rule in role["rules"]
    ]


def verbs(found: list[Document], group: str, resource: str) -> set[str]:
    """Return what the operator may do with a resource."""
    return {verb for rule in rules(found) if group in rule["apiGroups"] and resource in rule["resources"] for verb in rule["verbs"]}


@pytest.mark.parametrize("values", CI, ids=lambda path: path.stem)
def test_no_wildcard_no_escalation(values: Path) -> None:
    found = render(yaml.safe_load(values.read_text()))
    roles = of_kind(found, "ClusterRole") + of_kind(found, "Role")
    assert roles
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["apiGroups"] + rule["resources"]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
            assert not {"pods/exec", "pods/attach", "pods/portforward", "pods/log", "serviceaccounts/token"} & set(rule["resources"])


@pytest.mark.parametrize("namespaces", [[], ["lab", "class"]], ids=["all", "listed"])
def test_the_operators_rights(namespaces: list[str]) -> None:
    found = render({"watch": {"namespaces": namespaces}})

    assert verbs(found, "", "secrets") == {"create", "delete"}
    assert verbs(found, "", "pods") == {"get", "list", "watch", "create", "patch", "delete"}
    assert verbs(found, "", "configmaps") == {"get"}
    assert verbs(found, "fumehood.dev", "analysisjobs") == {"get", "list", "watch", "delete"}
    assert verbs(found, "fumehood.dev", "analysisjobs/status") == {"patch"}
    assert verbs(found, "fumehood.dev", "analysisenvironments") == {"list", "watch"}
    assert verbs(found, "networking.k8s.io", "networkpolicies") == {"get", "list", "watch", "create", "update"}
    assert verbs(found, "events.k8s.io", "events") == {"create"}
    assert verbs(found, "discovery.k8s.io", "endpointslices") == {"get"}
    assert verbs(found, "", "nodes") == {"list"}
    assert verbs(found, "node.k8s.io", "runtimeclasses") == {"get"}
    assert verbs(found, "apiextensions.k8s.io", "customresourcedefinitions") == {"list", "watch"}
    assert verbs(found, "", "namespaces") == ({"list", "watch"} if namespaces else set())
    granted = {(group, resource) for rule in rules(found) for group in rule["apiGroups"] for resource in rule["resources"]}
    assert len(granted) == (13 if namespaces else 12), "a right that this test does not know"


def test_listed_namespaces_confine_it() -> None:
    found = render({"watch": {"namespaces": ["lab", "class"]}})

    assert {role["metadata"]["namespace"] for role in of_kind(found, "Role")} == {"lab", "class"}
    assert {binding["metadata"]["namespace"] for binding in of_kind(found, "RoleBinding")} == {"lab", "class"}
    cluster = [role for role in of_kind(found, "ClusterRole") if not role["metadata"]["name"].endswith((":view", ":edit"))]
    assert all(not CHANGING & set(rule["verbs"]) for role in cluster for rule in role["rules"])
    assert all(not {"secrets", "pods", "configmaps"} & set(rule["resources"]) for role in cluster for rule in role["rules"])


def test_every_binding_has_its_role_and_account() -> None:
    found = render({"environments": {"python": ENVIRONMENT}, "watch": {"namespaces": ["lab"]}})
    roles = {(role["kind"], role["metadata"].get("namespace"), role["metadata"]["name"]) for role in found if "Role" in role["kind"]}
    accounts = {(account["metadata"]["namespace"], account["metadata"]["name"]) for account in of_kind(found, "ServiceAccount")}
    for binding in of_kind(found, "RoleBinding") + of_kind(found, "ClusterRoleBinding"):
        reference = binding["roleRef"]
        namespace = binding["metadata"].get("namespace") if reference["kind"] == "Role" else None
        assert (reference["kind"], namespace, reference["name"]) in roles
        assert {(subject["namespace"], subject["name"]) for subject in binding["subjects"]} <= accounts


def test_users_cannot_write_results() -> None:
    view, edit = (
        next(role for role in of_kind(render({}), "ClusterRole") if role["metadata"]["name"].endswith(name)) for name in (":view", ":edit")
    )
    assert view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"] == "true"
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in edit["metadata"]["labels"]
    assert all(not CHANGING & set(rule["verbs"]) for rule in view["rules"])
    assert [rule["resources"] for rule in edit["rules"]] == [["analysisjobs"]]


def test_the_test_has_rights_only_while_it_runs() -> None:
    found = [document for document in render({"environments": {"python": ENVIRONMENT}}) if is_test(document)]
    assert sorted(document["kind"] for document in found) == ["Pod", "Role", "RoleBinding", "ServiceAccount"]
    for document in found:
        assert "hook-succeeded" in document["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    (role,) = of_kind(found, "Role")
    assert role["rules"] == [{"apiGroups": ["fumehood.dev"], "resources": ["analysisjobs"], "verbs": ["create", "get", "delete"]}]


def test_no_roles_if_told_so() -> None:
    found = render({"rbac": {"create": False}, "environments": {"python": ENVIRONMENT}})
    assert not [document for document in found if "Role" in document["kind"]]
