"""What the productivity comparison counts, it counts right."""

from pathlib import Path

import pytest

from benchmarks.productivity.measure import concepts, patches, sources, typechecks
from benchmarks.productivity.measure.environment import Outcome
from benchmarks.productivity.measure.implementation import Implementation, discover
from benchmarks.productivity.measure.mistakes import (
    Observation,
    answers_in,
    compare,
    names_line,
    new_findings,
    server_errors,
)
from benchmarks.productivity.measure.patches import Change
from benchmarks.productivity.measure.workspace import PatchDoesNotApply, apply, copied

ROOT = Path(__file__).parents[3] / "benchmarks" / "productivity"
IMPLEMENTATIONS = discover(ROOT)
FINE = Outcome(0, "")

DIFF = """\
--- a/proposals.py
+++ b/proposals.py
@@ -1,4 +1,5 @@
 title: str
+trainer: str
 level: str
-author: str
+author: Author
 status: str
--- a/test_proposals.py
+++ b/test_proposals.py
@@ -9,0 +10 @@
+    assert trainer
"""


def test_blank_lines_and_comments_are_not_code() -> None:
    source = '"""What it is\nfor."""\n\n# why\nnumber = [\n    1,  # one\n\n    2,\n]\n'
    assert sources.code_lines(source) == 6


def test_a_field_is_counted_as_name_string_and_in_formatted_strings() -> None:
    source = "item.title = title['title'] + f'{item.title} title' + 'title: ' + subtitle\n"
    assert sources.mentions(source, "title") == 4


def test_neighbouring_changed_lines_are_one_place() -> None:
    assert patches.changes(DIFF) == [
        Change("proposals.py", 2, removed=0, added=1),
        Change("proposals.py", 4, removed=1, added=1),
        Change("test_proposals.py", 10, removed=0, added=1),
    ]


def test_concepts_must_be_used_and_imports_be_listed(tmp_path: Path) -> None:
    source = tmp_path / "api.py"
    source.write_text(
        "from fastapi import FastAPI, Header\nimport json\napp = FastAPI(title='x')\n"
    )
    listed = concepts.listed("FastAPI  # the application\nFastAPI\nFastAPI.title\nDepends\n")
    assert concepts.problems(listed, [source]) == [
        "Depends is listed but not used",
        "Header is imported but not listed",
        "FastAPI is listed twice",
    ]


def test_errors_that_only_moved_are_not_new() -> None:
    assert typechecks.added(["a.py:1: x", "a.py:2: y"], ["a.py:9: y", "a.py:7: x"]) == []
    assert typechecks.added(["a.py:1: x"], ["a.py:1: x", "a.py:2: x"]) == ["a.py:2: x"]


def test_another_wording_of_a_false_alarm_is_no_warning() -> None:
    assert typechecks.added(["a.py:1: no 'author'"], ["a.py:1: no 'autor'"]) == []


def test_errors_are_read_from_what_the_checkers_print() -> None:
    printed = "a.py:3: error: Wrong  [misc]\na.py:3: note: Here\n"
    assert typechecks.mypy_errors(printed) == ["a.py:3: error: Wrong  [misc]"]
    found = (
        '{"file": "/x/a.py", "severity": "%s", "message": "Wrong", "range": {"start": {"line": 2}}}'
    )
    report = f'{{"generalDiagnostics": [{found % "error"}, {found % "warning"}]}}'
    assert typechecks.pyright_errors(f"a notice\n{report}\n") == ["a.py:3: Wrong"]


def test_a_check_reports_only_what_the_sound_sources_do_not() -> None:
    sound, faulty = Outcome(0, "  1  info\n"), Outcome(0, "1 info\n! unhandled event\n")
    assert new_findings(sound, faulty) == "! unhandled event"


def test_a_message_names_the_line_only_inside_the_mistake() -> None:
    made = [Change("api.py", 10, removed=0, added=2)]
    assert names_line('File "/x/api.py", line 11, in submit', made)
    assert not names_line("api.py:40: error", made)
    assert not names_line("models.py:10: error", made)


def test_only_server_errors_are_noticed_at_run_time() -> None:
    assert server_errors([("list", 200, ""), ("accept", 409, ""), ("sort", 500, "")]) == "sort: 500"
    assert server_errors(None) == ""


def test_a_walk_that_broke_off_has_no_answers() -> None:
    assert answers_in(Outcome(0, 'log\nANSWERS [["list", 200, "[]"]]\n')) == [("list", 200, "[]")]
    assert answers_in(Outcome(1, "ANSWERS []")) is None


def test_the_earliest_stage_is_the_first_to_notice() -> None:
    sound = Observation({"mypy": []}, FINE, FINE, FINE, [("list", 200, "")])
    broken = Observation({"mypy": []}, FINE, Outcome(1, "boom"), Outcome(1, "F"), None)
    assert compare("m1", sound, broken, []).first == "start"
    typed = Observation({"mypy": ["a.py:1: wrong"]}, FINE, FINE, FINE, sound.answers)
    assert compare("m1", sound, typed, []).first == "mypy"


def test_a_mistake_nobody_notices_may_still_give_wrong_answers() -> None:
    sound = Observation({"mypy": []}, FINE, FINE, FINE, [("list", 200, "rejected")])
    wrong = Observation({"mypy": []}, FINE, FINE, FINE, [("list", 200, "submitted")])
    assert compare("m2", sound, wrong, []).first == "never, wrong answers"
    assert compare("m2", sound, sound, []).first == "never"


def test_what_is_told_at_start_counts_whoever_notices_first() -> None:
    sound = Observation({"mypy": []}, FINE, FINE, FINE, [])
    said = Outcome(1, "a.py:3: no such field")
    broken = Observation({"mypy": ["b.py:1: wrong"]}, FINE, said, FINE, None)
    verdict = compare("m1", sound, broken, [Change("a.py", 3, removed=1, added=1)])
    assert (verdict.first, verdict.names_the_line) == ("mypy", False)
    assert (verdict.by_the_start, verdict.start_names_the_line) == (True, True)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS, ids=lambda found: found.key)
def test_every_patch_fits_the_sources(implementation: Implementation) -> None:
    for patch in (implementation.folder / "trainer.patch", *implementation.mistakes):
        with copied(implementation) as workspace:
            apply(patch, workspace)
            changed = patches.changes(patch.read_text())
            assert changed
            assert all((workspace / change.file).exists() for change in changed)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS, ids=lambda found: found.key)
def test_every_concept_list_is_true(implementation: Implementation) -> None:
    names = concepts.listed((implementation.folder / "concepts.txt").read_text())
    assert concepts.problems(names, implementation.sources) == []


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS, ids=lambda found: found.key)
def test_every_implementation_has_the_seven_tests(implementation: Implementation) -> None:
    tests = (implementation.folder / "test_proposals.py").read_text()
    assert tests.count("\ndef test_") + tests.count("\nasync def test_") == 7


def test_a_patch_for_other_sources_is_refused(tmp_path: Path) -> None:
    implementation = IMPLEMENTATIONS[-1]
    patch = tmp_path / "other.patch"
    patch.write_text(DIFF)
    with copied(implementation) as workspace, pytest.raises(PatchDoesNotApply):
        apply(patch, workspace)
