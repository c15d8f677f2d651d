import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attnprobe.base.errors import InputError
from attnprobe.explanations.alignment import Spans
from attnprobe.explanations.score_files import ScoreFile

SPANS = [
    {"document": 1, "name": "mine", "start": 0, "end": 4, "score": 2},
    {"document": 0, "name": "mine", "start": 3, "end": 5, "score": 0.5},
    {"document": 1, "name": "mine", "start": 6, "end": 9, "score": -1.0},
]
POSITIONS = [
    {"document": document, "name": name, "position": position, "score": 10.0 * document + position + draw, "draw": draw}
    for position in (1, 0)
    for document in (1, 0)
    for name, draws in (("mine", 2), ("other", 1))
    for draw in range(draws)
]


def jsonl(folder, rows):
    path = folder / "scores.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return ScoreFile(path)


def parquet(folder, rows):
    path = folder / "scores.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    return ScoreFile(path)


def plain(given):
    if isinstance(given, Spans):
        return list(zip(*(column.tolist() for column in given), strict=True))
    return given.scores.tolist()


@pytest.mark.parametrize("written", [jsonl, parquet])
def test_scores_of_spans_and_positions_are_those_of_the_rows(written, tmp_path):
    file = written(tmp_path, SPANS)
    assert file.draws_by_name(2) == {"mine": 1}
    ((first, second),) = file.given({"mine": 1}, np.array([0, 1]))["mine"]
    assert (plain(first), plain(second)) == ([(3, 5, 0.5)], [(0, 4, 2), (6, 9, -1)])
    file = written(tmp_path, POSITIONS)
    draws = file.draws_by_name(2)
    assert draws == {"mine": 2, "other": 1}
    given = file.given(draws, np.array([1]))
    assert [[plain(text) for text in draw] for draw in given["mine"]] == [[[10, 11]], [[11, 12]]]
    assert [[plain(text) for text in draw] for draw in given["other"]] == [[[10, 11]]]


@pytest.mark.parametrize("written", [jsonl, parquet])
@pytest.mark.parametrize(
    ("row", "change", "sentence"),
    [
        (1, {"score": None}, "row 2, column 'score': a finite number is needed"),
        (2, {"score": float("inf")}, "row 3, column 'score': a finite number is needed"),
        (1, {"score": float("nan")}, "row 2, column 'score': a finite number is needed"),
        (2, {"document": -1}, "row 3, column 'document': a whole number from 0 on is needed"),
        (2, {"document": 2}, "row 3, column 'document': there is no document 2; the test split has 0 to 1"),
        (1, {"document": 1}, "the explanation mine says nothing of document 0"),
        (0, {"name": "a b"}, "An explanation is called 'a b'"),
        (0, {"name": "random"}, "random is an ordering of its own already"),
    ],
)
def test_what_does_not_fit_is_refused_by_row(written, row, change, sentence, tmp_path):
    rows = [dict(each) for each in SPANS]
    rows[row] |= change
    with pytest.raises(InputError, match=sentence) as refused:
        written(tmp_path, rows).draws_by_name(2)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("written", [jsonl, parquet])
def test_positions_are_there_once_each_and_draws_without_gaps(written, tmp_path):
    rows = [each for each in POSITIONS if each["name"] == "other"]
    for twice, sentence in ((0, "position 0 is there twice"), (2, "position 2 follows position 0")):
        wrong = [each | {"position": twice} if each["position"] else each for each in rows]
        with pytest.raises(InputError, match=f"row [12], column 'position': of document 0 .* {sentence}|{sentence}"):
            written(tmp_path, wrong).given({"other": 1}, np.array([0, 1]))
    with pytest.raises(InputError, match="the explanation other has a draw 3, but none 0"):
        written(tmp_path, [each | {"draw": 3} for each in rows]).draws_by_name(2)


def test_a_file_of_other_columns_kinds_or_content_is_refused(tmp_path):
    with pytest.raises(InputError, match="has the columns 'document', 'score', but document, name, score and either"):
        jsonl(tmp_path, [{"document": 0, "score": 1.0}]).draws_by_name(1)
    with pytest.raises(InputError, match="column 'score': a finite number is needed"):
        parquet(tmp_path, [each | {"score": "x"} for each in SPANS]).draws_by_name(2)
    path = tmp_path / "scores.jsonl"
    path.write_text(json.dumps(SPANS[0]) + "\n{\n")
    with pytest.raises(InputError, match="row 2: not valid JSON"):
        ScoreFile(path).draws_by_name(2)
    with pytest.raises(InputError, match=r"must end in \.parquet or \.jsonl"):
        ScoreFile(tmp_path / "scores.csv").draws_by_name(1)
    with pytest.raises(InputError, match="the file cannot be read"):
        assert ScoreFile(tmp_path / "none.jsonl").content
    before = ScoreFile(path).content
    path.write_text("changed")
    with pytest.raises(InputError, match="has changed since the run was begun with it"):
        assert ScoreFile(path, before).content
