# ruff: noqa: RUF001
"""The stage `pii`: what each kind finds and leaves, what the actions do, and that no secret is left anywhere."""

import json

import pyarrow as pa
import pytest
from pydantic import ValidationError

from datacurate.api import run_stage
from datacurate.core.dataset import Dataset
from datacurate.core.store import read_parts
from datacurate.stages._pii_apply import NOT_SHOWN
from datacurate.stages.pii import Pii

KEY = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"


def table(texts, ids=None) -> pa.Table:
    ids = ids or [f"doc-{at}" for at in range(len(texts))]
    return pa.table({"id": ids, "text": pa.array(texts, pa.string()), "source": ["s"] * len(texts)})


def decided(texts, ids=None, **options):
    stage = Pii(**options)
    docs = table(texts, ids)
    measured = pa.table(stage.seeing(stage.measured_with).measure(docs["text"].combine_chunks()))
    return stage.decided(docs, measured)


def masked(text: str, **options) -> str:
    return decided([text], **options).docs["text"][0].as_py()


FOUND = {
    "email": [
        "foo.bar+x@gmail.com", "müller@exämple.de", "почта@пример.рф", "用户@例子.中国", "a@b.co.uk", "o'brien@mail.ie",
        "ｆｏｏ＠ｇｍａｉｌ．ｃｏｍ", "x_y@sub.host-name.org",
    ],
    "ip": [
        "41.173.96.26", "198.41.0.4", "6e40:4041:c617:e898:c11:40d2:c669:2eb4", "2a00:1450:4009:80b::200e",
        "４１．１７３．９６．２６", "٤١.١٧٣.٩٦.٢٦",
    ],
    "phone": [
        "+1 212 456 7890", "(602)272-9781", "780-999-2181", "+41 (0)69 979 80 58", "01.84.17.61.18",
        "001-253-366-9781",
        "+49 30 901820", "020 7946 1234", "+44 20 7946 1234", "+91 98765 43210", "212.456.7890", "+۱ ۲۱۲ ۴۵۶ ۷۸۹۰",
    ],
    "iban": ["GB59IFUE40226315499137", "gb42nawi04454264788619", "DE89 3704 0044 0532 0130 00", "NO93 8601 1117 947"],
    "card": ["4929-3813-3266-4295", "4929 3813 3266 4295", "345389698201044", "30260873912962", "４929381332664295"],
    "national_id": [
        "514-14-8905", "AB123456C", "AB 12 34 56 C", "1 84 12 76 451 089 46", "RSSMRA85T10A562S", "529.982.247-25",
        "11010519491231002X",
    ],
    "key": [
        "AKIA" + "IOSFODNN7ABCDEFG", KEY, "xoxb-" + "123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx",
        "AIza" + "SyD4iE2xVSpkLLOXoyqT-RuPwURN3ddScAI", "hf_" + "aBcD1234eFgH5678iJkL9012mNoP3456qR",
        "glpat-" + "ABCdef123456ghiJKL78", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAabcdefghijklmnop\n-----END RSA PRIVATE KEY-----",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "secret"), [(kind, one) for kind, many in FOUND.items() for one in many])
@pytest.mark.parametrize("around", ["{}", "x {} y", "({})", "see {}.", "{}, and", '"{}"', "\n{}\n"])
def test_found(kind, secret, around):
    """Alone, in a sentence, in brackets and quotes, at the start and the end."""
    assert masked(around.format(secret)) == around.format(f"<{kind.upper()}>")


VERSIONS = [
    "Flash Player 9.0.124.0", "Chrome 4.0.249.89", "Exchange 15.1.225.42", "Java SE 8.0.181.13", "pkg@41.2.3.200",
    "libavcodec 58.54.100.1", "firmware 21.35.68.120", "firmware: 21.35.68.120", "Exchange Server 15.1.225.42",
    "from Chrome 4.0.249.89 to 5", "on a server. 9.2.1.4", "ssh (see 9.2.1.4)", "each host\n5.4.5.2. Changes",
    "lib >= 21.35.68.120", "21.35.68.120-rc1", "version 41.173.96.26",
]  # fmt: skip
NETWORK = [
    "ip 5.2.3.4", "IP address: 12.7.8.9", "ping 4.3.2.1", "from 5.6.7.8", "http://5.6.7.8/x", "5.6.7.8:8080",
    "5.6.7.0/24", "Host 9.1.225.42", "Server 15.1.225.42", "remote_addr=9.1.2.3", "Chrome 41.173.96.26",
    "The 21.35.68.120 of Flash", "By 21.35.68.120", "root@21.35.68.120", "21.35.68.120",
]  # fmt: skip


def test_versions_and_addresses():
    """Four numbers behind a product are a version, behind a word of networks an address, however small."""
    assert [text for text in VERSIONS if masked(text) != text] == []
    assert [text for text in NETWORK if "<IP>" not in masked(text)] == []


GROUPS = [
    "08 15 16 23 42", "02 08 11 33 61", "call 2003 2007 2010", "contact 1999 2003 2007 2010",
    "call 1914 1994\nsee 08 15 16 23 42", "Boston, MA 02110-1301 USA", "Phys. Rev. E 64, 016132 (2001).",
    "78, 046110 2008",
    "pp. 778-782 (1976)", "given by 03.08.16.0001.01", "๐๘๙๑.๒/๒๗๕๘", "0506(2)/15546",
]  # fmt: skip


def test_rows_of_numbers_are_no_phones():
    assert [text for text in GROUPS if masked(text) != text] == []
    for text in (
        "01 84 17 61 18",
        "06 12 34 56 78",
        "01 44 13 22 11",
        "Tel. 08 15 16 23 42",
        "415-867-5309, 602-272-9781",
        "01.15.16.23.42",
        "Phone\n467 3395",
    ):
        assert "<PHONE>" in masked(text), text


WORDED = {
    "phone": ["Phone: 467 3395", "call me at 9472 7916", "Tel. 78 651 450", "Mobil: 0699 868 88 55", "电话 467 3395",
              "our telephone number is 4159902345"],
    "card": ["credit card 675984103431", "my card 4131034282458809939 is", "Visa 4039838161911"],
    "national_id": [
        "SSN 514 14 8905", "BSN: 111222333", "steuer-id 86095742719", "dni 12345678Z", "Aadhaar 2341 2341 2346",
                    "CPF 52998224725", "PAN ABCPE1234F", "SIN 130 692 544", "pesel 44051401359",
                    "personnummer 811218-9876"],
    "passport": ["Passport No. 533380006", "passport C01X00T47", "Reisepass C01X0006H1", "паспорт 45 1234567"],
    "password": ['password = "hunter2!"', "DB_PASSWORD=s3cretPa55", "'passwd': 'xK9#mmQ2'"],
    "key": [
        "api_key='9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c'",
        'AWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz91kd72hA"'],
    "url": ["https://bob:s3cr3t9@host.org/x", "https://x.org/?a=1&access_token=abc123def456", "ftp://u:p4ss@h"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, one) for kind, many in WORDED.items() for one in many])
def test_found_by_words(kind, text):
    assert f"<{kind.upper()}>" in masked(text)


LEFT = [
    "10.0.0.1 172.16.3.4 192.168.1.1 127.0.0.1 169.254.1.1 100.64.0.1 0.0.0.0", "192.0.2.1 198.51.100.7 203.0.113.9",
    "224.0.0.251 240.0.0.1 255.255.255.255 198.18.0.1", "8.8.8.8 1.1.1.1 9.9.9.9 208.67.222.222 2001:4860:4860::8888",
    "fe80::1 ::1 fc00::12 2001:db8::1 ff02::1 2002:1::1 3fff::1",
    "version 41.2.3.200, Chrome/41.22.33.44, v10.20.30.41",
    "section 7.1.4.34 and 1.2.3.4", "41.173.96.260 41.173.96.26.5 041.173.96.026",
    "std::vector a::b 12:34:56 aa:bb:cc:dd:ee:ff",
    "x@example.com y@example.org git@github.com:a/b logo@2x.png lodash@4.17.21 a@b foo@bar.method @user user@",
    "2020-06-20 01.02.2003 1990-1995 2020-06-20 11:34:35 12/31/1999 10:20",
    "ISBN 978-3-16-148410-0 0-306-40615-2 ISSN 1234-5679",
    "4111111111111111 5555 5555 5555 4444 378282246310005", "1234567890123456 0000000000000000 4111111111111112",
    "0.4929381332664295 1.23456789012", "3.14159265358979 6.02214076e23",
    "(212) 555-0123, +44 7700 900123, 212-555-0199",
    "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000", "GB60IFUE40226315499137 XX59IFUE40226315499137",
    "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "550e8400-e29b-41d4-a716-446655440000", "arXiv:1706.03762 doi:10.1000/182",
    "password = getpass() pwd: string token=None",
    "password: ${DB_PASSWORD} password='changeme' secret = '<secret>' api_key = os.environ['API_KEY']",
    "http://user:password@host/ https://host/?q=token&page=12345678",
    "AKIAIOSFODNN7EXAMPLE sk_live_xxxxxxxxxxxxxxxxxxxxxxxx",
    "1,234,567,890 $4,929,381 1 000 000 000", "passenger 123456789 passes 533380006", "hotel 467 3395",
]  # fmt: skip


@pytest.mark.parametrize("text", LEFT)
def test_left(text):
    assert masked(text) == text


def test_column_names_places_in_the_new_text():
    text = "é foo@gmail.com and 41.173.96.26"
    out = decided([text]).docs
    spans = out["pii"][0].as_py()
    data = out["text"][0].as_py().encode()
    assert [(s["kind"], s["form"], data[s["start"] : s["end"]]) for s in spans] == [
        ("email", "email", b"<EMAIL>"),
        ("ip", "ipv4", b"<IP>"),
    ]


def test_actions():
    text = "foo@gmail.com 41.173.96.26"
    assert masked(text, action="count") == text
    assert decided([text], action="count").docs["pii"][0].as_py()[1]["start"] == 14
    assert masked(text, actions={"ip": "count"}) == "<EMAIL> 41.173.96.26"
    assert masked(text, placeholders={"email": "[mail]"}) == "[mail] <IP>"
    dropped = decided([text, "nothing"], actions={"email": "drop"})
    assert dropped.docs["text"].to_pylist() == ["nothing"]
    assert dropped.removed[0].rule == ["email"] and dropped.removed[0].excerpt == ["<EMAIL> <IP>"]


def test_max_spans():
    five, six = " ".join(["a@b.com"] * 5), " ".join(["a@b.com"] * 6)
    made = decided([five, six], preset="dolma")
    assert made.docs["text"].to_pylist() == [" ".join(["|||EMAIL_ADDRESS|||"] * 5)]
    assert made.removed[0].rule == ["max_spans"] and made.removed[0].value[0] == 6 and made.removed[0].bound[0] == 5


def test_fakes_depend_on_the_document_alone():
    """The same secret in one document gets one fake; another document gets another; neighbours do not matter."""
    text = "foo@gmail.com bar@gmail.com foo@gmail.com +12124567890"
    alone = masked(text, action="replace")
    first, second, third, *_ = alone.split()
    assert first == third != second and first.split("@")[1].startswith("example.")
    beside = decided(["x@y.com", text], ["doc-9", "doc-0"], action="replace").docs["text"].to_pylist()
    assert beside[1] == alone
    assert decided([text], ["other"], action="replace").docs["text"][0].as_py() != alone


@pytest.mark.parametrize("kind", ["email", "ip", "phone", "iban", "card", "national_id", "key"])
def test_fakes_are_nobodys(kind):
    """What `replace` puts in is not found again, but for account numbers, whose check digits are right."""
    for number, secret in enumerate(FOUND[kind]):
        made = decided([f"x {secret} y"], [f"{number}"], action="replace").docs["text"][0].as_py()
        assert made != f"x {secret} y" and made.startswith("x ") and made.endswith(" y")
        if kind == "iban":
            assert masked(made) == "x <IBAN> y"
        else:
            assert masked(made) == made


def test_a_fake_keeps_nothing_of_a_secret():
    """A key keeps the prefix that all keys of its service have; a password keeps nothing."""
    assert masked('password = "qzv7!kwX"', action="replace") == 'password = "EXAMPLEW"'
    assert masked("AKIAQ7ZV3XKW9PLM2JHT is it", action="replace").startswith("AKIAEXAMPLE")


BODY = "MIIEowIBAAKCAQEAabcdefghijklmnopQRSTUVWXYZ"


@pytest.mark.parametrize("line", ["\n", "\r\n", "\\n", "\\r\\n", " ", '",\n"', ""])
@pytest.mark.parametrize("name", ["RSA PRIVATE KEY", "PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
@pytest.mark.parametrize("ended", [True, False])
def test_a_fake_key_keeps_the_markers_alone(line, name, ended):
    """Whatever separates the lines of a block, nothing between its markers is left."""
    end = [f"-----END {name}-----"] if ended else []
    made = masked('KEY="' + line.join([f"-----BEGIN {name}-----", BODY, BODY, *end]) + '" x', action="replace")
    assert BODY[:8] not in made and f"-----BEGIN {name}-----" in made and (not ended or end[0] in made)
    assert masked(made) == made


LABELLED = [
    "+49 30 901820 (Anna)", "+81 3-3224-5000 (Tokyo)", "+1 415 867 5309 (work)", "06 12 34 56 78 (Marie)",
    "+86 10 6532 5999（北京）", "415-867-5309 (see below)", "+49 30 901820 (",
]  # fmt: skip


@pytest.mark.parametrize("text", LABELLED)
def test_a_bracket_behind_a_phone_number_is_none_of_it(text):
    assert masked(text).startswith("<PHONE>") and masked(f"Call {text}").startswith("Call <PHONE>")


def test_overlaps():
    """A key in a URL is a key; credentials are no email; a card near the word phone is a card."""
    assert masked(f"https://x.org/?token={KEY}") == "https://x.org/?token=<KEY>"
    assert masked("ftp://bob:s3cr3t9@gmail.com/") == "ftp://<URL>@gmail.com/"
    assert masked("phone 4929-3813-3266-4295") == "phone <CARD>"


def test_nothing_is_stored(tmp_path, write_jsonl):
    """No part of the secret is in what a run writes, ledgers, signals and links included."""
    secret = "xyzzyplugh@gmail.com"
    rows = [{"id": "a", "text": f"mail {secret} now", "source": "s"}, {"id": "b", "text": "plain " * 9, "source": "s"}]
    inputs = write_jsonl(rows, "in/docs.jsonl")
    for number, options in enumerate(({}, {"action": "drop"}, {"action": "replace"}, {"max_spans": 0})):
        out = tmp_path / f"out{number}"
        run_stage(Pii(**options), [inputs.parent], out)
        for path in out.rglob("*"):
            if path.is_file():
                import pyarrow.parquet as pq

                said = json.dumps(pq.read_table(path).to_pylist(), default=str) if path.suffix == ".parquet" else ""
                stored_input = path.suffix == ".parquet" and "documents" in str(path)
                assert stored_input or "xyzzyplugh" not in said + path.read_bytes().decode("latin-1"), path
        assert Dataset.open(out).shards and read_parts([s.path for s in Dataset.open(out).shards]).num_rows >= 1


def test_unchecked_documents_are_dropped():
    made = decided(["+1 212 456 7890 " * 5, "fine"], max_candidates=3)
    assert made.docs["text"].to_pylist() == ["fine"]
    assert made.removed[0].rule == ["unchecked"] and made.removed[0].value[0] == 2


def test_unchecked_documents_show_nothing():
    """Neither candidates that were not examined nor the text around them are in the ledger's excerpt."""
    made = decided(["+12124567890 +442079461234 +12124567891 jo"], max_candidates=1, actions={"phone": "drop"})
    assert {one for removed in made.removed for one in removed.excerpt} == {NOT_SHOWN}
    assert not any(c.isdigit() for c in NOT_SHOWN)


def test_null_and_empty():
    made = decided([None, "", "a@b.com"])
    assert made.docs["text"].to_pylist() == [None, "", "<EMAIL>"]
    assert made.docs["pii"].to_pylist()[:2] == [[], []]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kinds": ["name"]}, "need a model"),
        ({"ner": "presidio"}, "kinds"),
        ({"patterns": "datatrove"}, "emails and ip addresses alone"),
        ({"placeholders": {"emial": "x"}}, "neither a kind nor a form"),
        ({"countries": ["Atlantis"]}, "no national numbers"),
        ({"regions": ["UK"]}, "'UK' is no region"),
        ({"regions": ["us"]}, "ISO 3166"),
        ({"replacements": {"email": []}}, "has none"),
        ({"preset": "fineweb2"}, "no preset"),
    ],
)
def test_errors_say_what_to_do(options, said):
    with pytest.raises(ValidationError, match=said):
        Pii(**options)
