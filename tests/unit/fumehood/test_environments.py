from __future__ import annotations

from datetime import timedelta

import pytest

from fumehood.core.failures import Refused
from fumehood.environments import Environments
from fumehood.kube import environment_path
from unit.fumehood.builders import environment_document
from unit.fumehood.fakes import FakeClock, FakeCluster


class Watched:
    """Environments of a cluster whose watch can be silent."""

    def __init__(self) -> None:
        self.cluster, self.clock = FakeCluster(), FakeClock()
        self.lists = 0
        get = self.cluster.get

        async def counted(path: str) -> dict[str, object]:
            self.lists += 1
            return await get(path)

        self.cluster.get = counted  # type: ignore[method-assign]
        self.environments = Environments(self.cluster, self.clock, timedelta(seconds=300))

    def there_is(self, name: str, version: str) -> dict[str, object]:
        document = environment_document(envVersion=version)
        document["metadata"] = {"name": name}
        self.cluster.seed(environment_path(name), document)
        return document

    async def version(self, wanted: str) -> str:
        return (await self.environments.resolve(wanted)).spec.env_version


async def test_it_is_listed_once_and_then_the_watch_tells() -> None:
    world = Watched()
    world.there_is("python", "python-1")
    assert [await world.version("python") for _ in range(3)] == ["python-1"] * 3
    world.environments.see("MODIFIED", world.there_is("python", "python-2"))
    assert (await world.version("python"), world.lists) == ("python-2", 1)


async def test_events_before_the_first_list_are_not_all_there_is() -> None:
    world = Watched()
    world.there_is("python", "python-1")
    world.environments.see(None, world.there_is("r", "r-4"))
    assert (await world.version("python"), await world.version("r")) == ("python-1", "r-4")


async def test_what_the_watch_did_not_tell_is_found_when_it_is_asked_for() -> None:
    world = Watched()
    world.there_is("python", "python-1")
    await world.version("python")
    world.there_is("r", "r-4")
    assert await world.version("r") == "r-4"


async def test_a_silent_watch_is_not_believed_for_ever() -> None:
    world = Watched()
    world.there_is("python", "python-1")
    await world.version("python")
    world.there_is("python", "python-2")
    assert await world.version("python") == "python-1"
    world.clock.pass_(300)
    assert await world.version("python") == "python-2"


async def test_a_deleted_one_is_gone() -> None:
    world = Watched()
    document = world.there_is("python", "python-1")
    await world.version("python")
    world.cluster.remove(environment_path("python"))
    world.environments.see("DELETED", document)
    with pytest.raises(Refused, match="there is no AnalysisEnvironment 'python'"):
        await world.version("python")


async def test_one_that_cannot_be_read_says_why_and_harms_no_other() -> None:
    world = Watched()
    world.there_is("python", "python-1")
    broken = world.there_is("broken", "broken-1") | {"spec": {"image": "no digest", "adapter": "python", "envVersion": "1"}}
    world.cluster.seed(environment_path("broken"), broken)
    with pytest.raises(Refused, match=r"'broken' is not valid: spec\.image"):
        await world.version("broken")
    world.environments.see("MODIFIED", world.there_is("broken", "broken-2"))
    assert (await world.version("broken"), await world.version("python")) == ("broken-2", "python-1")
