"""What the images, the settings and the locks say, read from their files."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.data import REPOSITORY

ENVIRONMENT_READERS = ("histoapp/settings.py", "histoapp/gunicorn.py")
DJANGO_IMAGES = ("histoapp-web", "histoapp-worker")


@dataclass
class Stage:
    """One stage of the Dockerfile, with what it has from the one it is made from."""

    base: str
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def words(self, name: str) -> list[str]:
        return [rest for instruction, rest in self.instructions if instruction == name]


def stages() -> dict[str, Stage]:
    """The Dockerfile's stages by name."""
    text = (REPOSITORY / "Dockerfile").read_text()
    lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    found: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    for line in filter(None, map(str.strip, lines)):
        name, _, rest = line.partition(" ")
        if name == "ARG" and not found:
            key, _, default = rest.partition("=")
            arguments[f"${{{key}}}"] = default
        elif name == "FROM":
            base, _, as_name = rest.partition(" AS ")
            base = arguments.get(base, base)
            parent = found.get(base, Stage(base))
            found[as_name] = Stage(
                base, dict(parent.environment), parent.user, [*parent.instructions]
            )
        else:
            _apply(list(found.values())[-1], name, rest.strip())
    return found


def _apply(stage: Stage, name: str, rest: str) -> None:
    stage.instructions.append((name, rest))
    if name == "ENV":
        stage.environment |= dict(re.findall(r'(\w+)="?([^"\s]+)', rest))
    if name == "USER":
        stage.user = rest


def required_variables() -> set[str]:
    """What the settings read without a default, whatever else is set."""
    tree = ast.parse((REPOSITORY / "histoapp/settings.py").read_text())
    plain = [node for node in tree.body if not isinstance(node, ast.If)]
    return {
        name
        for statement in plain
        for name, call in _reads(statement)
        if not any(keyword.arg == "default" for keyword in call.keywords)
    }


def known_variables() -> set[str]:
    """Whatever the settings and the web server read."""
    trees = [ast.parse((REPOSITORY / path).read_text()) for path in ENVIRONMENT_READERS]
    return {name for tree in trees for name, _ in _reads(tree)}


def _reads(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Calls of env.str("NAME") and os.environ.get("NAME")."""
    return [
        (str(node.args[0].value), node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) in ("env", "os.environ")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def pins(lock: Path) -> dict[str, str]:
    """The versions that a lock file names."""
    return dict(
        re.findall(r"(?m)^([\w.\-]+)(?:\[\w+\])?==(\S+[^\\\n]*)", lock.read_text())
    )


def is_pinned(image: str) -> bool:
    """Whether an image is named with a version."""
    _, _, tag = image.rpartition("/")[2].partition(":")
    return bool(re.match(r"\d", tag))


def runs_django(image: str, command: list[str]) -> bool:
    """Whether a container loads the settings."""
    is_ours = image.partition(":")[0] in DJANGO_IMAGES
    return is_ours and (not command or "python" in " ".join(command))
