"""What follows from pyproject.toml, the one statement of what the course needs, agrees with it."""

import json
import re
import tomllib
from importlib.metadata import version
from itertools import product

from tools.notebooks import ROOT

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PUBLISH_LOCK = (ROOT / "tools" / "publish" / "requirements.lock").read_text(encoding="utf-8")
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CI = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))

REQUIRES_PYTHON = SpecifierSet(PROJECT["requires-python"])
PYTHONS = [f"3.{minor}" for minor in range(100) if f"3.{minor}" in REQUIRES_PYTHON]
PLATFORMS = [
    {"sys_platform": system, "os_name": name, "platform_machine": machine}
    for system, name, machine in [
        ("linux", "posix", "x86_64"),
        ("linux", "posix", "aarch64"),
        ("darwin", "posix", "arm64"),
        ("darwin", "posix", "x86_64"),
        ("win32", "nt", "AMD64"),
    ]
]
READERS = [
    {**platform, "python_version": python, "python_full_version": f"{python}.9"}
    for platform, python in product(PLATFORMS, PYTHONS)
]
DIRECT = [
    Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
]


def locked(lock: str) -> list[tuple[Requirement, list[str]]]:
    """Return what a lock pins: each requirement and its hashes."""
    pins = []
    for entry in re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]:
        text = re.sub(r"^ *#.*", "", entry, flags=re.MULTILINE).replace("\\\n", " ")
        requirement, *hashes = text.split("--hash=")
        pins.append((Requirement(requirement.strip()), [digest.strip() for digest in hashes]))
    return pins


PINS = locked(LOCK)
PUBLISH_PINS = locked(PUBLISH_LOCK)


def versions(wanted: Requirement, reader: dict[str, str] | None = None) -> list[str]:
    """Return the versions of a package that are locked for a reader, or for this machine."""
    return [
        specifier.version
        for pin, _ in PINS
        for specifier in pin.specifier
        if canonicalize_name(pin.name) == canonicalize_name(wanted.name)
        and (pin.marker is None or pin.marker.evaluate(reader))
    ]


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("README.md", r"https://mybinder\.org/v2/gh/([\w-]+/[\w.-]+)/main"),
        ("tools/publish/hub.yaml", r"--image-name \S+ https://github\.com/(\S+)"),
        ("CITATION.cff", r'repository-code: "https://github\.com/(.+)"'),
    ],
)
def test_a_text_names_the_address_of_pyproject(file, pattern):
    (told,) = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"))
    assert f"https://github.com/{told}" == PROJECT["urls"]["Repository"]


@pytest.mark.parametrize(
    ("lock", "pins"), [(LOCK, PINS), (PUBLISH_LOCK, PUBLISH_PINS)], ids=["readers", "publish"]
)
def test_every_pin_is_exact_and_hashed_and_names_no_address(lock, pins):
    assert len(pins) == len(re.findall("^[^ #\n]", lock, flags=re.MULTILINE)) > 100
    for pin, hashes in pins:
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), pin
        assert hashes and all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in hashes), pin
    assert "://" not in lock and not re.search(r"(?m)^-", lock), "an index, or another option"


@pytest.mark.parametrize("wanted", DIRECT, ids=lambda wanted: wanted.name)
def test_requirement_is_pinned_once_for_the_readers_who_need_it_and_for_nobody_else(wanted):
    for reader in READERS:
        found = versions(wanted, reader)
        assert len(found) == (wanted.marker is None or wanted.marker.evaluate(reader)), reader
        assert all(one in wanted.specifier for one in found), f"{found} for {reader}"


def test_the_build_needs_nothing_beyond_the_lock():
    for wanted in map(Requirement, PYPROJECT["build-system"]["requires"]):
        found = versions(wanted)
        assert found and all(one in wanted.specifier for one in found), wanted


def test_this_environment_is_the_locked_one():
    wanted = [pin for pin, _ in PINS if pin.marker is None or pin.marker.evaluate()]
    assert [pin for pin in wanted if version(pin.name) not in pin.specifier] == []


def test_the_readme_states_the_supported_pythons_once():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    stated = re.findall(r"(?i)python ?(3[.\d]+\d.*?3[.\d]+\d|3\.\d+)", readme)
    assert stated == [f"{PYTHONS[0]} to {PYTHONS[-1]}"]


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
    ours, theirs = (
        {(pin.name, str(pin.specifier)) for pin, _ in pins} for pins in (PINS, PUBLISH_PINS)
    )
    assert ours <= theirs


def test_what_npm_installs_is_hashed_and_names_no_address():
    lock = (ROOT / "tools" / "publish" / "package-lock.json").read_text(encoding="utf-8")
    installed = [package for name, package in json.loads(lock)["packages"].items() if name]
    assert installed
    for package in installed:
        assert "integrity" in package and "resolved" not in package
