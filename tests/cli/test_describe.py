from tests.fixtures.commands import attnprobe, write_splits


def test_describe_prints_the_sizes_of_a_dataset(tmp_path):
    train = [("good", "A fine film. Really fine!"), ("bad", "Dull")] * 6
    write_splits(tmp_path / "data" / "films", train=train, dev=[("bad", "So dull. Dull. Dull.")], test=train[:2])
    status, out, errors = attnprobe("describe", "films", "--data-dir", "data", cwd=tmp_path)
    assert status == 0, errors
    assert out.splitlines() == [
        "films: all 1 dev documents, by which the epoch is chosen that is kept, have the same label, 'bad'.",
        "films: words and sentences per document",
        "",
        "split  documents  classes  words: mean  median  max  sentences: mean  median  max  of one sentence",
        "train         12        2          4.0       4    7              1.5     1.5    2            50.0%",
        "dev            1        1          7.0       7    7              3.0       3    3             0.0%",
        "test           2        2          4.0       4    7              1.5     1.5    2            50.0%",
        "",
        "Vocabulary: 7 lower-cased words that occur 5 times or more in train and dev.",
        "",
        "class  train  dev  test",
        "bad        6    1     1",
        "good       6    0     1",
    ]
    by_path = (0, out.replace("films: all", f"{tmp_path / 'data' / 'films'}: all"), errors)
    assert attnprobe("describe", tmp_path / "data" / "films", cwd=tmp_path) == by_path


def test_describe_a_dataset_that_is_not_there(tmp_path):
    status, out, errors = attnprobe("describe", "imdb", "--data-dir", "data", cwd=tmp_path)
    assert (status, out) == (2, "")
    assert errors.startswith("attnprobe: The dataset 'imdb' is not in data/imdb, and ")
    assert "put the file data.json" in errors
