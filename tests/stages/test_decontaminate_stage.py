"""decontaminate as a stage: files and fields, presets, actions, common phrases, hostile items; and its report."""

from __future__ import annotations

import gzip
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datacurate.api import run_stage
from datacurate.audit import contamination_show
from datacurate.audit.contamination import contamination
from datacurate.audit.report import write_report
from datacurate.core.errors import CurateError, InputError, RecipeError
from datacurate.stages import _decontam_files as files
from datacurate.stages.decontaminate import Decontaminate

QUESTION = (
    "A lighthouse keeper counts eleven cormorants on the northern jetty before breakfast, and twice as many herons "
    "after it. How many birds does the keeper write into the ledger?"
)
OTHER = "Which glacier feeds the reservoir above Kaltenbrunn, and in which month does its meltwater turn the turbines?"
FILLER = "The council met on Tuesday and talked about the price of paint, a broken gate and the new opening hours. " * 3


def inline(tmp_path):
    profile = tmp_path / "inline.yaml"
    profile.write_text("executor: inline\n")
    return profile


def benchmark(tmp_path, rows, name="quiz.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(tmp_path, texts, out="out", sources=None, **options):
    docs = tmp_path / "in"
    docs.mkdir(exist_ok=True)
    half = (len(texts) + 1) // 2
    for at, some in enumerate((range(half), range(half, len(texts)))):
        ids = [f"d{n}" for n in some]
        named = [sources[n] if sources else "web" for n in some]
        table = {"id": ids, "text": pa.array([texts[n] for n in some], pa.string()), "source": named}
        pq.write_table(pa.table(table), docs / f"part-{at}.parquet")
    return run_stage(Decontaminate(**options), [docs], tmp_path / out, profile=inline(tmp_path), quiet=True)


def rows(finished):
    return {row["id"]: row for shard in finished.dataset().shards for row in pq.read_table(shard.path).to_pylist()}


def evidence(finished):
    parts = finished.manifests[-1]["phases"]["evidence"]["parts"]
    folder = finished.folder / finished.manifests[-1]["folder"]
    return [row for part in parts for row in pq.read_table(folder / part).to_pylist()]


@pytest.fixture
def quiz(tmp_path):
    return {"quiz": benchmark(tmp_path, [{"question": QUESTION, "answer": "33"}, {"question": OTHER, "answer": "May"}])}


def test_documents_with_items_are_dropped_and_told(tmp_path, quiz):
    leaked = FILLER + QUESTION.replace("breakfast", "dinner").upper() + FILLER
    made = run(tmp_path, [FILLER, leaked, FILLER + "eleven cormorants on a jetty", OTHER, ""], benchmarks=quiz)
    assert sorted(rows(made)) == ["d0", "d2", "d4"]
    found = evidence(made)
    assert [(row["id"], row["benchmark"], row["item"]) for row in found] == [("d1", "quiz", 0), ("d3", "quiz", 1)]
    start, end = found[0]["start"], found[0]["end"]
    assert leaked.encode()[start:end].decode().startswith("A LIGHTHOUSE") and found[0]["score"] > 0.85


def test_marked_documents_stay(tmp_path, quiz):
    made = run(tmp_path, [FILLER, FILLER + QUESTION], benchmarks=quiz, action="mark")
    kept = rows(made)
    assert kept["d0"]["contamination"] is None
    (mark,) = json.loads(kept["d1"]["contamination"])
    assert mark["item"] == "quiz:0" and mark["score"] == 1 and len(mark["spans"]) == 1


def test_cutting_leaves_the_rest(tmp_path, quiz):
    made = run(tmp_path, [FILLER + QUESTION + " " + FILLER, QUESTION], benchmarks=quiz, action="cut")
    assert list(rows(made)) == ["d0"]
    assert "cormorants" not in rows(made)["d0"]["text"] and rows(made)["d0"]["text"].startswith("The council")
    assert made.manifests[-1]["ledger"]["dropped"]["too_little_left"]["documents"] == 1


def test_gpt3_cuts_windows_and_drops_what_falls_to_pieces(tmp_path, quiz):
    parted = "".join(f"{FILLER} {n} {FILLER} {QUESTION} " for n in range(11)) + FILLER
    around = FILLER * 2
    made = run(tmp_path, [around + QUESTION + " " + around, parted], benchmarks=quiz, preset="gpt3")
    left = rows(made)["d0"]["text"]
    assert "cormorants" not in left and abs(len(left) - 2 * (len(around) - 200)) < 10
    assert made.manifests[-1]["ledger"]["dropped"]["too_many_pieces"]["documents"] == 1


def test_common_phrases_do_not_count_and_copies_of_items_do(tmp_path):
    slogan = "please read the terms and conditions of this website carefully before you place an order with us"
    item = {"question": f"{slogan}. Then find the clause about umbrellas lent to guests of the hotel Bellevue."}
    quiz = {"quiz": benchmark(tmp_path, [item])}
    texts = [f"{FILLER} {n} {slogan}." for n in range(14)] + [item["question"] + str(n) for n in range(14)]
    made = run(tmp_path, texts, benchmarks=quiz)
    assert sorted(rows(made), key=lambda id: int(id[1:])) == [f"d{n}" for n in range(14)]
    assert not rows(run(tmp_path, texts, "all", benchmarks=quiz, max_documents=None))
    # GPT-3's rule knows no copies: what is in more than ten documents is common, whatever it is
    assert len(rows(run(tmp_path, texts, "gpt3", benchmarks=quiz, preset="gpt3", action="drop"))) == 28


def test_results_do_not_depend_on_shards_or_order(tmp_path, quiz):
    texts = [FILLER + f" {n} " + (QUESTION if n % 3 == 0 else "") for n in range(40)]
    one = run(tmp_path, texts, benchmarks=quiz, preset="gpt3", action="drop")
    (tmp_path / "b").mkdir()
    for n in range(40):
        table = pa.table({"id": [f"d{n}"], "text": [texts[n]], "source": ["web"]})
        pq.write_table(table, tmp_path / "b" / f"p{39 - n:02d}.parquet")
    stage = Decontaminate(benchmarks=quiz, preset="gpt3", action="drop")
    many = run_stage(stage, [tmp_path / "b"], tmp_path / "many", workers=2, quiet=True)
    assert sorted(rows(one)) == sorted(rows(many))
    assert len(rows(one)) == 40  # 14 documents hold the question: by GPT-3's rule it is a common phrase


HOSTILE = [
    {"question": ""},
    {"question": None},
    {"question": "?!... --- ***"},
    {"question": "1 2 3 4 5"},
    {"question": "Why?", "answer": "Because."},
    {"question": "x " * 500},
    {"question": "\U0001f600 " * 40},
]


@pytest.mark.parametrize("preset", sorted(Decontaminate.presets))
def test_hostile_items_accuse_nobody(tmp_path, preset):
    quiz = {"quiz": benchmark(tmp_path, HOSTILE, "hostile.jsonl")}
    texts = ["why? because. 1 2 3 4 5 6 7 8 9 10 11 12 13", FILLER, "", None, "?!... --- ***\n" * 50, "y " * 10_000]
    profile_out = run(tmp_path, [text or "" for text in texts], benchmarks=quiz, preset=preset, action="drop")
    assert len(rows(profile_out)) == len(texts)


def test_a_document_that_holds_a_whole_benchmark(tmp_path):
    items = [{"question": f"{n}: {QUESTION} and number{n} number{n + 1} number{n + 2}"} for n in range(2_000)]
    quiz = {"quiz": benchmark(tmp_path, items)}
    whole = " ".join(item["question"] for item in items)
    made = run(tmp_path, [whole, FILLER * 30_000], benchmarks=quiz)
    assert list(rows(made)) == ["d1"]
    assert len({row["item"] for row in evidence(made)}) > 1_000


def test_one_item_in_two_benchmarks_is_reported_for_both(tmp_path):
    named = {name: benchmark(tmp_path, [{"question": QUESTION}], f"{name}.jsonl") for name in ("first", "second")}
    made = run(tmp_path, [QUESTION], benchmarks=named, action="mark")
    assert [row["benchmark"] for row in evidence(made)] == ["first", "second"]


CHINESE = (
    "小明在图书馆里借了三本关于长江三峡水电站的书，每本书有一百二十页，他每天读十五页，请问他多少天可以读完这三本书？"
)
THAI = "ชาวประมงคนหนึ่งจับปลาทูได้สี่สิบเจ็ดตัวในตอนเช้า และขายให้แม่ค้าที่ตลาดริมคลองไปยี่สิบเก้าตัว เขาเหลือปลากี่ตัว"


@pytest.mark.parametrize("item", [CHINESE, THAI])
def test_scripts_without_spaces(tmp_path, item):
    quiz = {"quiz": benchmark(tmp_path, [{"question": item}])}
    around = "今天天气很好，我们去公园散步。" * 5 if item == CHINESE else "วันนี้อากาศดีมาก เราไปเดินเล่นที่สวนสาธารณะกัน " * 5
    half = item[: len(item) // 2]
    made = run(tmp_path, [around, around + item + around, around + half + around, item[:6] + around], benchmarks=quiz)
    assert sorted(rows(made)) == ["d0", "d3"]


def test_code_with_other_spaces_and_signs(tmp_path):
    prompt = (
        "def tally_knots(ropes: list[int], limit: int) -> int:\n"
        '    """Count the ropes that have more knots than the limit, but no more than twice as many.\n'
        '    >>> tally_knots([3, 9, 12], 5)\n    1\n    """\n'
    )
    path = benchmark(tmp_path, [{"task_id": "X/1", "prompt": prompt, "canonical_solution": "    return 0\n"}])
    flat = " ".join(prompt.split()).replace('"""', "'''")
    code = "def tally(rows):\n    return sum(rows)\n\n" * 30
    made = run(tmp_path, [code, code + prompt, code + flat], benchmarks={"humaneval": path})
    assert list(rows(made)) == ["d0"]


def test_short_questions_need_their_answers(tmp_path):
    row = {
        "question": "What is a quokka?",
        "answer": "A small marsupial of Rottnest Island that eats grass and leaves.",
    }
    quiz = {"quiz": benchmark(tmp_path, [row])}
    texts = [FILLER + row["question"], FILLER + row["question"] + " " + row["answer"], FILLER + row["answer"]]
    assert sorted(rows(run(tmp_path, texts, benchmarks=quiz))) == ["d0", "d2"]


# files


ROWS = [{"question": QUESTION, "answer": "33", "choices": ["33", "22"]}, {"question": OTHER, "answer": "May"}]


def test_every_kind_of_file_says_the_same(tmp_path):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    with pa.CompressedOutputStream(str(tmp_path / "c.jsonl.zst"), "zstd") as file:
        file.write(lines.encode())
    (tmp_path / "d.json").write_text(json.dumps(ROWS))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "e.parquet")
    quoted = [f'"{row["question"]}",{row["answer"]}' for row in ROWS]
    (tmp_path / "f.csv").write_text("question,answer\n" + "\n".join(quoted) + "\n")
    (tmp_path / "g.tsv").write_text("question\tanswer\n" + "\n".join(f"{r['question']}\t{r['answer']}" for r in ROWS))
    for path in sorted(tmp_path.iterdir()):
        assert path.name[0] in "abcdefg"
        items = Decontaminate(benchmarks={"quiz": str(path)}).items().to_pylist()
        assert [item["question"] for item in items] == [QUESTION, OTHER], path
        assert [json.loads(item["answers"]) for item in items] == [["33"], ["May"]], path


def test_halves_of_surrogate_pairs_are_replaced(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"question": "half of a face: \\ud83d and more"}\n')
    (item,) = Decontaminate(benchmarks={"quiz": str(tmp_path / "a.jsonl")}).items().to_pylist()
    assert item["question"] == "half of a face: ? and more"


def test_known_names_are_found_in_a_folder(tmp_path):
    (tmp_path / "GSM8K_test.jsonl").write_text(json.dumps({"question": QUESTION, "answer": "33"}))
    (tmp_path / "arc_challenge.jsonl").write_text(json.dumps({"query": OTHER, "choices": ["a", "b"]}))
    (tmp_path / "notes.txt").write_text("no benchmark")
    made = Decontaminate(benchmarks=["gsm8k", "arc_challenge"], folder=str(tmp_path))
    assert [item["benchmark"] for item in made.items().to_pylist()] == ["arc_challenge", "gsm8k"]
    assert [path.rsplit("/", 1)[1] for path in made.files()] == ["arc_challenge.jsonl", "GSM8K_test.jsonl"]


def test_fields_may_be_named_and_nested(tmp_path):
    row = {"q": {"stem": QUESTION}, "gold": {"value": "33"}, "all": [{"t": "33"}, {"t": "22"}]}
    fields = {"question": "q.stem", "answer": "gold.value", "choices": ["all.t"]}
    path = benchmark(tmp_path, [row])
    (item,) = Decontaminate(benchmarks={"quiz": {"path": path, "fields": fields}}).items().to_pylist()
    assert (item["question"], item["answers"], item["choices"]) == (QUESTION, '["33"]', '["33", "22"]')


def test_rows_with_one_question_are_one_item(tmp_path):
    path = benchmark(tmp_path, [{"question": QUESTION, "answer": str(n)} for n in range(4)] + [{"question": OTHER}])
    items = Decontaminate(benchmarks={"quiz": path}).items().to_pylist()
    assert [(item["item"], len(json.loads(item["answers"]))) for item in items] == [(0, 4), (4, 0)]


def test_errors_say_what_to_do(tmp_path, quiz):
    path = quiz["quiz"]
    for wrong, error, said in [
        ({"quiz": str(tmp_path / "none.jsonl")}, InputError, "no such file"),
        ({"quiz": {"path": path, "fields": {"question": "frage"}}}, InputError, "Its fields: answer, question"),
        ({"quiz": {"path": path, "fields": {"answer": "answer"}}}, InputError, "name the one that holds the question"),
        ({"gsm8k": {}}, RecipeError, "no `folder`"),
    ]:
        with pytest.raises(error, match=re.escape(said)):
            made = Decontaminate(benchmarks=wrong)
            made.files()
            made.items()
    with pytest.raises(InputError, match=r"no file like gsm8k\*"):
        Decontaminate(benchmarks=["gsm8k"], folder=str(tmp_path / "nowhere")).files()
    with pytest.raises(InputError, match=r"Did you mean 'gsm8k'"):
        Decontaminate(benchmarks=["gsm8"], folder=str(tmp_path)).files()
    for text, said in (("{]\n", "line 1: not JSON"), ('"a"\n', "not an object"), ('{"z": 1}\n', "none of the fields")):
        (tmp_path / "bad.jsonl").write_text(text)
        with pytest.raises(InputError, match=said):
            Decontaminate(benchmarks={"bad": str(tmp_path / "bad.jsonl")}).items()
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but not really PAR1")
    with pytest.raises(InputError, match="cannot be read"):
        Decontaminate(benchmarks={"bad": str(tmp_path / "bad.parquet")}).items()
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"question": "a"}\n' * 999)[:40])
    with pytest.raises(InputError, match="cannot be read"):
        Decontaminate(benchmarks={"bad": str(tmp_path / "cut.jsonl.gz")}).items()
    for options, said in (
        ({"benchmarks": {}}, "name at least one"),
        ({"benchmarks": quiz, "preset": "gpt4"}, "no preset"),
        ({"benchmarks": quiz, "thresholds": {"quizz": 0.5}}, "Did you mean 'quiz'"),
        ({"benchmarks": quiz, "words": "lines"}, "go together"),
        ({"benchmarks": {"quiz": {"path": path, "fields": {"questions": "q"}}}}, "Did you mean 'question'"),
    ):
        with pytest.raises((ValueError, CurateError), match=said):
            Decontaminate(**options)


def test_keys_hold_digests_and_no_paths(tmp_path):
    one = benchmark(tmp_path, [{"question": QUESTION}])
    (tmp_path / "elsewhere").mkdir()
    other = benchmark(tmp_path / "elsewhere", [{"question": QUESTION}], "named-otherwise.jsonl")
    same = [Decontaminate(benchmarks={"quiz": path}).changed_fields() for path in (one, other)]
    assert same[0] == same[1] and str(tmp_path) not in json.dumps(same)


def test_known_patterns_tell_benchmarks_apart():
    for name in ("arc_easy.csv", "arc_challenge.csv", "gsm8k_test.jsonl", "mmlu-abstract_algebra.parquet"):
        wanted = [
            known for known, (patterns, _) in files.KNOWN.items() if any(files.fnmatch(name, p) for p in patterns)
        ]
        assert len(wanted) == 1, (name, wanted)


COPA = {"query": "The kettle whistled, therefore", "choices": ["the monk lowered the drawbridge.", "the cat left."]}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("copa", {**COPA, "gold": 0}),
        ("copa", {"premise": COPA["query"], "choice1": COPA["choices"][0], "choice2": "the cat left.", "label": 0}),
        ("arc_easy", {"question": COPA["query"], "choices": {"text": COPA["choices"], "label": ["1", "2"]},
                      "answerKey": "1"}),
        ("openbookqa", {"question_stem": COPA["query"], "choices": {"text": COPA["choices"]}, "answerKey": "A"}),
        ("siqa", {"question": COPA["query"], "answerA": COPA["choices"][0], "answerB": "the cat left.", "answerC": "",
                  "label": "1"}),
        ("mmlu", {"question": COPA["query"], "choices": COPA["choices"], "answer": 0}),
    ],
)  # fmt: skip
def test_short_questions_are_found_with_the_right_choice_or_all(tmp_path, name, row):
    named = {name: benchmark(tmp_path, [row])}
    (item,) = Decontaminate(benchmarks=named).items().to_pylist()
    assert json.loads(item["answers"]) == [COPA["choices"][0]]
    right, wrong = COPA["choices"]
    texts = [FILLER + COPA["query"], f"{FILLER} {COPA['query']} {right} {FILLER}", f"{COPA['query']}\n{right}\n{wrong}"]
    made = run(tmp_path, [*texts, f"{FILLER} {right} {FILLER}", f"{COPA['query']} {wrong}"], benchmarks=named)
    assert sorted(rows(made)) == ["d0", "d3", "d4"]


def test_a_label_before_all_questions_is_none_of_their_words(tmp_path):
    """Seven words and a label are no eight words: such a question is looked for with its answer, without the label."""
    asked = [f"Question: Repaint the kayak {colour} before regatta Sunday?\n" for colour in "abcdefghijkl"]
    made = [{"query": one, "gold": 0, "choices": [f"Sand {n} hulls.", "No."]} for n, one in enumerate(asked)]
    bare, right = asked[3].removeprefix("Question: ").strip(), made[3]["choices"][0]
    texts = [f"{FILLER} {bare} {right} {FILLER}", f"{FILLER} {bare} {FILLER}"]
    for count, left in ((12, ["d1"]), (9, ["d0", "d1"])):  # of fewer than ten one does not know
        named = {"piqa": benchmark(tmp_path, made[:count])}
        assert sorted(rows(run(tmp_path, texts, out=str(count), benchmarks=named))) == left
    made[7]["query"] = "Repaint it?"
    named = {"piqa": benchmark(tmp_path, made)}
    assert sorted(rows(run(tmp_path, texts, out="mixed", benchmarks=named))) == ["d0", "d1"]


@pytest.mark.parametrize("label", [2, -1, "C", "²", True, None, [0], "both"])
def test_labels_that_name_no_choice_say_nothing(tmp_path, label):
    (item,) = Decontaminate(benchmarks={"copa": benchmark(tmp_path, [{**COPA, "label": label}])}).items().to_pylist()
    assert item["answers"] == "[]" and len(json.loads(item["choices"])) == 2


def test_a_long_answer_without_its_question_is_no_evidence(tmp_path):
    row = {"query": "Mend a kite?", "gold": 0, "choices": [OTHER, "No."]}
    named = {"piqa": benchmark(tmp_path, [row])}
    made = run(tmp_path, [FILLER + OTHER + FILLER, f"{FILLER} Mend a kite? {OTHER} {FILLER}"], benchmarks=named)
    assert list(rows(made)) == ["d0"]


def test_every_turn_is_an_item(tmp_path):
    turns = [QUESTION, "Now write it all again as a ballad about harbours, and rhyme every line on cormorant. " * 9]
    named = {
        "mt_bench": benchmark(tmp_path, [{"question_id": 81, "turns": turns}, {"question_id": 82, "turns": [OTHER]}])
    }
    items = Decontaminate(benchmarks=named).items().to_pylist()
    assert [(item["item"], item["name"]) for item in items] == [(0, "81 turn 1"), (1, "81 turn 2"), (2, "82 turn 1")]
    assert list(rows(run(tmp_path, [FILLER, FILLER + QUESTION], benchmarks=named))) == ["d0"]


def test_what_cannot_be_searched_is_reported(tmp_path):
    ruby = {"question": "What colour is a ruby?", "answer": "red"}
    named = {"quiz": benchmark(tmp_path, [*ROWS, ruby, {"question": ""}, {"question": None}, {"answer": "33"}])}
    run(tmp_path, [FILLER, ruby["question"] + " " + ruby["answer"]], benchmarks=named)
    (found,) = contamination(tmp_path / "out")
    (quiz,) = found.benchmarks
    assert (quiz.items, quiz.not_searchable, quiz.without_text, quiz.leaks) == (3, 1, 3, [])
    said = contamination_show.as_text([found], None, None, 100, False)
    assert re.search(r"not searchable +without text", said) and re.search(r"quiz +3 +0 +0\.0 % +0 +1 +3 +0", said)
    (value,) = contamination_show.as_json([found], None, None)
    assert value["benchmarks"][0]["not_searchable"] == 1 and value["benchmarks"][0]["without_text"] == 3
    report = write_report(tmp_path / "out").read_text(encoding="utf-8")
    for page in (contamination_show.page([found]), report):
        assert "not searchable" in page and "without text" in page and "too short to be told from chance" in page


@pytest.mark.parametrize("preset", sorted(Decontaminate.presets))
def test_every_preset_says_what_it_cannot_search(tmp_path, preset):
    named = {"quiz": benchmark(tmp_path, [{"question": QUESTION, "answer": FILLER}, {"question": "Why?"}])}
    run(tmp_path, [FILLER + "at last"], benchmarks=named, preset=preset, action="mark")
    (found,) = contamination(tmp_path / "out")
    assert found.benchmarks[0].not_searchable == 1


def test_a_byte_order_mark_is_no_part_of_a_field(tmp_path):
    for name, text in (("a.csv", f'question,answer\n"{QUESTION}",33\n'), ("b.jsonl", json.dumps(ROWS[0]) + "\n")):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        (item,) = Decontaminate(benchmarks={"quiz": str(tmp_path / name)}).items().to_pylist()
        assert item["question"] == QUESTION and "33" in item["answers"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "question,answer\nWhy?,Because\nWho, where?,Me\n", "a.csv, line 3: 3 cells, but the header has 2"),
        ("a.csv", "question;answer\nWhy?;Because\n", "write commas"),
        ("a.json", '{"data": [{"question": "Why?"}]}', "rows seem to be in 'data'"),
        ("a.json", '{\n "data": [\n {"question": "Why?"}]}', "or one list of objects"),
        ("a.jsonl", "", "holds no rows"),
        ("a.jsonl", " \n\n", "holds no rows"),
        ("a.json", "[]", "holds no rows"),
        ("a.csv", "question,answer\n", "holds no rows"),
        ("a.jsonl", '{"question": ""}\n{"question": null}\n', "none of 2 rows holds a question"),
    ],
)
def test_files_that_are_written_otherwise(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=re.escape(said)):
        Decontaminate(benchmarks={"quiz": str(tmp_path / name)}).items()


def test_a_misspelt_path_is_told():
    with pytest.raises((ValueError, CurateError), match="Did you mean 'path'"):
        Decontaminate(benchmarks={"own": {"pth": "x"}})


# the report


@pytest.fixture
def leaky(tmp_path, quiz):
    evil = FILLER + QUESTION.replace("keeper counts", "keeper <script>alert(1)</script> counts") + "\x1b[2J\u202e"
    run(tmp_path, [evil, FILLER, OTHER, QUESTION], benchmarks=quiz, sources=["web", "web", "books", "books"])
    return tmp_path / "out"


def test_report_counts_items_documents_and_sources(leaky):
    (found,) = contamination(leaky)
    (quiz,) = found.benchmarks
    assert (quiz.items, len(quiz.leaks), quiz.documents) == (2, 2, 3)
    assert dict(quiz.sources) == {"web": 1, "books": 2} or quiz.sources.total() == 3
    assert [(leak.item, leak.documents) for leak in quiz.leaks] == [(0, 2), (1, 1)]
    said = contamination_show.as_text([found], None, None, 100, False)
    assert re.search(r"quiz\s+2\s+2\s+100\.0 %\s+0\s+0\s+0\s+3", said)
    listed = contamination_show.as_text([found], "quiz", None, 100, False)
    assert "quiz:0" in listed and "quiz:1" in listed
    value = contamination_show.as_json([found], "quiz", 0)
    assert value[0]["leaks"][0]["documents"] == 2 and json.dumps(value)


def test_twins_of_an_item_are_no_leaks(tmp_path):
    """Questions with other names and numbers match, too; what the document holds is the best of them."""
    asked = (
        "{} has {} apples and buys {} more from the market before walking home across the old stone bridge. "
        "She then gives {} to her brother who likes pears. How many apples does she have left?"
    )
    twins = [asked.format(*one) for one in (("Anna", 12, 7, 4), ("Maria", 31, 5, 9), ("Lucy", 18, 22, 3))]
    path = tmp_path / "twins.jsonl"
    path.write_text("".join(json.dumps({"question": one}) + "\n" for one in twins))
    text = f"{FILLER} {twins[1]} {FILLER}"
    run(tmp_path, [text, f"{text} {twins[1]}", FILLER, twins[2] + FILLER], benchmarks={"twins": str(path)})
    (found,) = contamination(tmp_path / "out")
    (one,) = found.benchmarks
    assert [(leak.item, leak.documents) for leak in one.leaks] == [(1, 2), (2, 1)]
    assert [(leak.item, leak.documents) for leak in one.alike] == [(0, 3)]
    assert [leak.item for leak in found.chosen("twins", 0)] == [0] and found.chosen("twins", 7) == []
    assert contamination_show.as_json([found], None, None)[0]["benchmarks"][0]["alike"] == 1
    assert "alike: items that only look like one" in contamination_show.as_text([found], None, None, 100, False)


def test_questions_about_one_passage_are_no_twins(tmp_path):
    """Each stands behind the one before, so that their places overlap; an item inside a longer one is there, too."""
    passage = FILLER.split(". ")[0] + ". The keeper of the lighthouse wrote down each ship that passed by night."
    asked = [
        "Which of these would the keeper of the lighthouse most likely have written down first?",
        "What does the author want to say with the colour of the lantern above the door?",
        "In which year did the harbour master close the northern channel for good?",
    ]
    path = tmp_path / "exam.jsonl"
    rows = [{"question": f"{passage}\n{one}"} for one in asked] + [{"question": f"{asked[0]} Think twice. {asked[1]}"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sheet = "\n\n".join(f"{at}. {one}" for at, one in enumerate(asked, 1))
    run(
        tmp_path,
        [f"{passage}\n\n{sheet}", rows[3]["question"].replace("twice", "again")],
        benchmarks={"exam": str(path)},
    )
    (found,) = contamination(tmp_path / "out")
    (one,) = found.benchmarks
    assert sorted(leak.item for leak in one.leaks) == [0, 1, 2, 3] and one.alike == []


def test_matched_text_stands_beside_the_item_and_is_escaped(leaky):
    found = contamination(leaky)
    shown = contamination_show.as_text(found, "quiz", 0, 120, False)
    assert "⟦" in shown and "cormorants" in shown and "\x1b" not in shown and "\u202e" not in shown
    page = contamination_show.page(found)
    assert "<mark>" in page and "<script>alert" not in page and "&lt;script&gt;" in page and "\u202e" not in page
    report = write_report(leaky).read_text(encoding="utf-8")
    assert "quiz:0" in report and "<script>alert" not in report


def test_report_says_when_there_is_nothing_to_tell(tmp_path, leaky):
    with pytest.raises(InputError, match=r"no benchmark 'quizz'\. Did you mean 'quiz'"):
        contamination(leaky, "quizz")
    made = run(tmp_path, [FILLER], "clean", benchmarks={"quiz": benchmark(tmp_path, ROWS)})
    assert made and "0.0 %" in contamination_show.as_text(contamination(tmp_path / "clean"), None, None, 80, False)
