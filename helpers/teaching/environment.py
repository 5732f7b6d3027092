"""Say whether everything that the course needs is installed.

The start page asks, so this must answer where things are missing.
"""

import sys
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

REPAIR = (
    "Close JupyterLab and start it with `make lab` in the course's folder, which installs what is"
    ' missing. Without make, follow "Other ways to install" in README.md.'
)


def problems() -> list[str]:
    """Name everything that is missing or too old, each in a sentence.

    What is needed is read from the installed project itself (pyproject.toml); TensorFlow is looked
    up, not imported.
    """
    try:
        needed = metadata.metadata("unrolled")
    except metadata.PackageNotFoundError:
        return ["The course's package is not installed in the Python that runs this notebook."]
    found = []
    version = ".".join(map(str, sys.version_info[:3]))
    if version not in SpecifierSet(needed["Requires-Python"]):
        found.append(f"Python {needed['Requires-Python']} is needed, and this is {version}.")
    for text in needed.get_all("Requires-Dist"):
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append(f"{requirement.name} is not installed; {requirement.specifier} is needed.")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            found.append(
                f"{requirement.name} {requirement.specifier} is needed, and {installed} is"
                " installed."
            )
    return found


def check() -> None:
    """Print what is wrong and what to do about it, or that nothing is."""
    found = problems()
    print(
        "\n".join([*found, REPAIR]) if found else "Everything that the course needs is installed."
    )
