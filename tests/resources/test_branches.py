"""Branches: requests and decoded responses."""

from collections.abc import AsyncIterator

import pytest

from aiotravis import errors
from aiotravis.resources.branches import Branch, Branches
from aiotravis.resources.commits import Commit
from tests.samples import BUILD, COMMIT, Scripted

ONE = b'{"branch":' + BUILD + b',"commit":' + COMMIT + b"}"


@pytest.mark.parametrize(
    ("name", "path"),
    [("master", "master"), ("feature/x y", "feature%2Fx%20y"), ("v1.0", "v1.0"), ("größe", "gr%C3%B6%C3%9Fe")],
)
async def test_a_branch_is_requested_by_name_and_named_by_its_commit(name: str, path: str) -> None:
    transport = Scripted(ONE)
    branch = await Branches(transport).get("a/b", name)
    assert transport.calls[0].target == f"/repos/a/b/branches/{path}"
    assert (branch.name, branch.number, branch.duration) == ("master", "784", 1231)


async def test_lists_have_commits_and_each_id_is_a_parameter() -> None:
    transport = Scripted(b'{"branches":[' + BUILD + b'],"commits":[' + COMMIT + b"]}")
    branches = Branches(transport)
    assert (await branches.list(82))[0].name == "master"
    await branches.many([1, 2])
    assert [call.target for call in transport.calls] == [
        "/repos/82/branches", "/branches?ids%5B%5D=1&ids%5B%5D=2",
    ]  # fmt: skip


async def test_a_branch_without_its_commit_has_no_name() -> None:
    branch = await Branches(Scripted(b'{"branch":{"id":1}}')).get(1, "x")
    assert branch.name is None
    assert hash(branch) == hash(branch)


@pytest.mark.parametrize("name", ["", "a,b", "notes.txt", "LOGO.PNG"])
async def test_names_that_the_server_cannot_find_are_refused(name: str) -> None:
    with pytest.raises(errors.UsageError):
        await Branches(Scripted(ONE)).get(1, name)


async def test_a_branch_is_found_again_by_itself_and_builds_may_come_one_by_one() -> None:
    branch = Branch(id=7, commit=Commit(id=8, branch="a/b"))
    transport = Scripted(b'{"branch":{"id":7}}')
    await Branches(transport).get(82, branch)
    assert transport.calls[0].path == "/repos/82/branches/a%2Fb"
    with pytest.raises(errors.UsageError, match="branch must be a string"):
        await Branches(transport).get(82, Branch(id=7))

    async def builds() -> AsyncIterator[int | Branch]:
        yield 5
        yield branch

    transport = Scripted(b'{"branches":[]}')
    await Branches(transport).many(builds())
    assert transport.calls[0].query == (("ids[]", "5"), ("ids[]", "7"))
