"""The course opens no door: not to the network, not to packages nobody has looked at."""

import json
import re

from tools.notebooks import ROOT

import yaml

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_lab_is_started_with_nothing_that_opens_it():
    """By itself it listens on this machine alone, and asks for its token."""
    (lines,) = re.findall(r"(?m)^lab:.*\n((?:\t.*\n)+)", MAKEFILE)
    assert set(re.findall(r"--[\w.-]+", lines)) == {"--allow-root", "--LabApp.default_url"}
    file = ROOT / "tools" / "jupyter" / "jupyter_server_config.d" / "unrolled.json"
    settings = json.loads(file.read_text(encoding="utf-8"))
    assert settings["ServerApp"] == {"jpserver_extensions": {"tools.server": True}}
    assert settings.keys() <= {"ServerApp", "HTMLExporter"}


def test_every_installation_is_from_the_hashed_lock_or_of_the_project_itself():
    files = [ROOT / name for name in ("Makefile", "README.md", "postBuild", "environment.yml")]
    texts = [path.read_text(encoding="utf-8") for path in (*files, *ROOT.glob("tools/*.sh"))]
    texts += [step.get("run", "") for step in STEPS]
    lines = "\n".join(texts).splitlines()
    installs = [line for line in lines if re.search(r"\bpip\"? (install|sync)\b|npm ci\b", line)]
    assert len(installs) >= 8
    # uv itself is fetched by pip as it is: it is what checks the hashes of all the rest.
    safe = (
        r"--require-hashes|--no-deps --no-build-isolation|npm ci --ignore-scripts"
        r"|install --quiet (--target \.uv )?uv \|\| no_uv$|jupyter-repo2docker"
    )
    assert [line for line in installs if not re.search(safe, line)] == []


def test_ci_may_only_read_but_for_the_one_job_that_publishes():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    jobs = WORKFLOW["jobs"]
    assert [name for name, job in jobs.items() if "permissions" in job] == ["pages"]
    assert jobs["pages"]["permissions"] == {"pages": "write", "id-token": "write"}
    (deploy,) = jobs["pages"]["steps"]
    assert deploy["uses"].startswith("actions/deploy-pages@")
    assert "pull_request_target" not in WORKFLOW[True]  # YAML reads `on` as true
    for step in STEPS:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}
        assert "${{" not in step.get("run", ""), "a text from outside in a shell command"
