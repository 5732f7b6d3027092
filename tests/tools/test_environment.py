"""One statement of what the course needs (pyproject.toml).

Everything that follows from it agrees with it.
"""

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from itertools import product

from tools.notebooks import ROOT

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PUBLISH_LOCK = (ROOT / "tools" / "publish" / "requirements.lock").read_text(encoding="utf-8")
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CI = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))

REQUIRES_PYTHON = SpecifierSet(PROJECT["requires-python"])
PYTHONS = [f"3.{minor}" for minor in range(100) if f"3.{minor}" in REQUIRES_PYTHON]
PLATFORMS = [
    {
        "sys_platform": system,
        "platform_system": name,
        "os_name": os_name,
        "platform_machine": machine,
    }
    for system, name, os_name, machine in [
        ("linux", "Linux", "posix", "x86_64"),
        ("linux", "Linux", "posix", "aarch64"),
        ("darwin", "Darwin", "posix", "arm64"),
        ("darwin", "Darwin", "posix", "x86_64"),
        ("win32", "Windows", "nt", "AMD64"),
    ]
]
READERS = [
    {
        **default_environment(),
        **platform,
        "python_version": python,
        "python_full_version": f"{python}.9",
    }
    for platform, python in product(PLATFORMS, PYTHONS)
]

DIRECT = [
    Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
]


def locked(lock: str) -> list[tuple[Requirement, list[str], list[str]]]:
    """Return what a lock pins: each requirement, its hashes, and who asked for it."""
    pins = []
    for entry in re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]:
        requirement, *hashes = (
            re.sub(r"^ *#.*", "", entry, flags=re.MULTILINE).replace("\\\n", " ").split("--hash=")
        )
        because = re.findall(r"^ *#(?: via)? +(?!via$)(\S.*)$", entry, flags=re.MULTILINE)
        pins.append(
            (Requirement(requirement.strip()), [digest.strip() for digest in hashes], because)
        )
    return pins


PINS = locked(LOCK)
PUBLISH_PINS = locked(PUBLISH_LOCK)
BOTH = pytest.mark.parametrize(
    ("lock", "pins"),
    [(LOCK, PINS), (PUBLISH_LOCK, PUBLISH_PINS)],
    ids=["requirements.lock", "publish"],
)


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def names(requirements) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


@BOTH
def test_the_lock_is_read_completely(lock, pins):
    assert len(pins) == len(re.findall("^[^ #\n]", lock, flags=re.MULTILINE)) > 100
    assert sum(len(hashes) for _, hashes, _ in pins) == lock.count("--hash=")
    assert all(because for _, _, because in pins)


@BOTH
def test_every_pin_is_exact_and_hashed(lock, pins):
    for pin, hashes, _ in pins:
        assert [(specifier.operator, "*" in specifier.version) for specifier in pin.specifier] == [
            ("==", False)
        ], pin
        assert hashes, f"{pin} has no hash"
        for digest in hashes:
            assert re.fullmatch("sha256:[0-9a-f]{64}", digest), f"{pin}: {digest}"


@BOTH
def test_the_lock_names_no_address(lock, pins):
    assert "://" not in lock
    assert not [line for line in lock.splitlines() if line.startswith("-")], (
        "an option, such as an index, in the lock"
    )


def test_the_lock_was_derived_from_these_requirements():
    asked_for = [
        pin for pin, _, because in PINS if {"unrolled", "unrolled (pyproject.toml)"} & set(because)
    ]
    assert names(asked_for) == names(DIRECT)


@pytest.mark.parametrize("wanted", DIRECT, ids=lambda wanted: wanted.name)
def test_requirement_is_pinned_once_for_the_readers_who_need_it_and_for_nobody_else(wanted):
    pins = [pin for pin, _, _ in PINS if names([pin]) == names([wanted])]
    for reader in READERS:
        versions = [
            specifier.version for pin in pins if applies(pin, reader) for specifier in pin.specifier
        ]
        assert len(versions) == applies(wanted, reader), f"{versions} for {reader}"
        assert all(one in wanted.specifier for one in versions), f"{versions} for {reader}"


def test_the_build_needs_nothing_beyond_the_lock():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"][
        "requires"
    ]
    for wanted in map(Requirement, build):
        versions = [
            one.version
            for pin, _, _ in PINS
            if names([pin]) == names([wanted])
            for one in pin.specifier
        ]
        assert versions and all(one in wanted.specifier for one in versions), wanted


def test_this_environment_is_the_locked_one():
    here = default_environment()
    wanted = {
        pin.name: next(iter(pin.specifier)).version for pin, _, _ in PINS if applies(pin, here)
    }
    installed = {}
    for name in wanted:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            installed[name] = None
    assert installed == wanted


def test_the_readme_states_the_supported_pythons_once_and_names_no_version_on_its_first_screen():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(?i)python ?(3[.\d]+\d.*?3[.\d]+\d|3\.\d+)", readme) == [
        f"{PYTHONS[0]} to {PYTHONS[-1]}"
    ]
    assert not re.search(r"3\.\d", readme.split("\n## ")[0])


def test_conda_has_a_supported_python_and_installs_exactly_the_lock():
    *packages, pip = CONDA["dependencies"]
    python = next(package for package in packages if package.startswith("python="))
    assert python.removeprefix("python=") in PYTHONS
    assert "pip" in packages
    assert pip == {"pip": ["-r requirements.lock"]}
    assert CONDA["name"] == PROJECT["name"]


def test_binder_installs_the_project_and_nothing_else():
    installs = re.findall(
        r"^.*\binstall\b.*$", (ROOT / "postBuild").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert installs == ["pip install --no-deps --no-build-isolation -e ."]


def test_ci_runs_every_supported_python_on_every_system():
    matrix = CI["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


def test_ci_runs_only_pinned_actions():
    uses = [step["uses"] for job in CI["jobs"].values() for step in job["steps"] if "uses" in step]
    assert uses
    for action in uses:
        assert re.fullmatch("[^@]+@[0-9a-f]{40}", action), action


def test_what_publishes_the_course_has_the_same_versions_as_the_course():
    assert {(pin.name, str(pin.specifier)) for pin, _, _ in PINS} <= {
        (pin.name, str(pin.specifier)) for pin, _, _ in PUBLISH_PINS
    }


def test_what_npm_installs_is_hashed_and_names_no_address():
    packages = json.loads(
        (ROOT / "tools" / "publish" / "package-lock.json").read_text(encoding="utf-8")
    )["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert installed
    assert all(
        "integrity" in package and "resolved" not in package for package in installed.values()
    )
