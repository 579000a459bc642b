"""Which encoding a page is in: marks, structure, declarations and how far they are believed."""
# ruff: noqa: RUF001

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacurate.stages._charset import chosen, declared, decoded, resolved

RUSSIAN = "Кодировка страницы не указана, и её надо угадать по самим буквам этого текста."
POLISH = "Zażółć gęślą jaźń: ślimaki, źródła, łódź, ćwiczenia, żaby i wiele innych słów."
HUNGARIAN = "Az árvíztűrő tükörfúrógép őszintén örült, hogy végül minden betűje a helyére került."
GERMAN = "Die Größe der Übung überraschte die Mädchen; schöne Grüße aus Köln und München."
JAPANESE = "これは文字コードを調べるための短い文章です。日本語の新聞や掲示板の文字は少し違います。"
CHINESE = "这是一个没有声明编码的网页，我们需要根据字节本身来判断它使用的是什么编码。"
TAIWANESE = "這是一個沒有宣告編碼的網頁，我們需要根據位元組本身來判斷它使用的是什麼編碼。"
KOREAN = "이 페이지는 문자 인코딩을 선언하지 않았으므로 바이트를 보고 짐작해야 합니다."
GREEK = "Η σελίδα δεν δηλώνει την κωδικοποίησή της και πρέπει να τη μαντέψουμε από τα γράμματα."
HEBREW = "הדף הזה אינו מצהיר על הקידוד שלו ולכן צריך לנחש אותו לפי האותיות."
ARABIC = "هذه الصفحة لا تعلن عن ترميزها ولذلك يجب تخمينه من الحروف نفسها."
THAI = "หน้านี้ไม่ได้บอกว่าใช้รหัสอักขระอะไร จึงต้องเดาจากตัวอักษรเอง"
TURKISH = "Bu sayfanın kodlaması belirtilmemiş; şimdi ağaçların, ığdırın ve çiçeğin harflerine bakıyoruz."
UNDECLARED = [
    (RUSSIAN, "cp1251 koi8_r iso8859_5 cp866 mac_cyrillic cp855"),
    (POLISH, "cp1250 iso8859_2"),
    (HUNGARIAN, "cp1250 iso8859_2"),
    (GERMAN, "cp1252"),
    (JAPANESE, "shift_jis euc_jp iso2022_jp"),
    (CHINESE, "gb18030"),
    (TAIWANESE, "big5"),
    (KOREAN, "euc_kr johab iso2022_kr"),
    (GREEK, "cp1253 iso8859_7"),
    (HEBREW, "cp1255"),
    (ARABIC, "cp1256"),
    (THAI, "cp874"),
    (TURKISH, "cp1254"),
]
CASES = [(text, codec) for text, codecs in UNDECLARED for codec in codecs.split()]
ALL = [text for text, _ in UNDECLARED]


@pytest.mark.parametrize(("text", "codec"), CASES, ids=[codec for _, codec in CASES])
@pytest.mark.parametrize("header", [None, "iso-8859-1", "utf-8", "x-user-defined", "utf-7", "nonsense", "utf-16"])
def test_an_encoding_is_found_whatever_the_header_says(text, codec, header):
    page = f"<html><title>{text[:20]}</title><p>{text}</p><p>{text[::-1][:9]}</p></html>"
    page = page if codec not in ("iso2022_kr", "iso2022_jp") else f"<html><p>{text}"
    assert decoded(page.encode(codec), header) == page


@pytest.mark.parametrize("text", ALL)
@pytest.mark.parametrize("codec", ["utf_8", "utf_16_le", "utf_16_be", "utf_32_le", "utf_32_be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_unicode_with_and_without_mark(text, codec, mark):
    page = f"<html>\n<p>{text}</p>\n</html>\n"
    assert decoded((mark + page).encode(codec), "windows-1252") == page


@pytest.mark.parametrize(
    ("page", "codec", "how"),
    [
        (b"<p>plain", "utf_8", "ascii"),
        (b"\xef\xbb\xbf<p>", "utf_8", "mark"),
        (b"<meta charset=hz>~{VPND~}", "hz", "declared"),
        (b"+AGE-+ADw-script+AD4-", "utf_8", "ascii"),
        (b'<meta charset="utf-7">+ADw-script+AD4-', "utf_8", "ascii"),
        ("<meta charset=iso-8859-1><p>Größe und Übung".encode(), "utf_8", "utf-8"),
        ("<p>Größe und Übung, schöne Grüße".encode() + b"\xc3", "utf_8", "utf-8"),
        ("<?xml version='1.0' encoding='windows-1257'?><p>ąčę".encode("cp1257"), "cp1257", "declared"),
        ("<!-- charset=big5 --><meta charset=cp1251>да".encode("cp1251"), "cp1251", "declared"),
    ],
)
def test_choices_say_why(page, codec, how):
    assert chosen(page, None) == (codec, how)


def test_utf_7_is_never_decoded():
    page = b"<p>+ADw-script+AD4-alert(1)"
    for label in ("utf-7", "unicode-1-1-utf-7", "csUnicode11UTF7", "x-utf-7"):
        assert resolved(label) is None
        assert decoded(page, label) == page.decode()


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("ISO-8859-1", "cp1252"), ("latin1", "cp1252"), ("GB2312", "gb18030"), ("x-gbk", "gb18030"), ("gbk", "gb18030"),
        ("ks_c_5601-1987", "euc_kr"), ("x-sjis", "shift_jis"), ("Windows-31J", "shift_jis"), ("TIS-620", "cp874"),
        ("iso-8859-9", "cp1254"), ("windows-874", "cp874"), ("utf8", "utf_8"), (' "UTF-8" ', "utf_8"),
        ("KOI8-R", "koi8_r"), ("x-mac-cyrillic", "mac_cyrillic"), ("Big5-HKSCS", "big5"), ("ibm866", "cp866"),
        ("x-user-defined", None), ("replacement", None), ("rot13", None), ("base64", None), ("idna", None),
        ("cp037", None), ("cp1251", "cp1251"), ("unicode_escape", None), ("os.system", None), ("", None),
        (None, None), ("é", None), ("iso8859_99", None),
    ],
)  # fmt: skip
def test_labels(label, codec):
    assert resolved(label) == codec


def test_the_pages_own_word_counts_where_the_servers_is_a_default():
    page = f"<meta charset=windows-1251><p>{RUSSIAN}</p>"
    assert decoded(page.encode("cp1251"), "ISO-8859-1") == page
    assert declared(b"<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'>") == "koi8_r"
    assert declared(b"<meta charset='utf-16le'>") == "utf_8"


@pytest.mark.parametrize("codec", ["iso8859_3", "iso8859_4", "cp852", "kz1048", "mac_iceland"])
def test_a_rare_encoding_is_believed_where_it_fits(codec):
    page = "<p>" + bytes(range(0xC0, 0xD8)).decode(codec, "ignore")
    assert decoded(page.encode(codec), codec) == page


def test_superset_bytes_are_not_lost():
    for label, codec, text in [
        ("shift_jis", "cp932", "これは①番、髙島屋の店です"),
        ("euc-jp", "euc_jis_2004", "これは①番の店です"),
        ("euc-kr", "cp949", "똠방각하와 펲시콜라"),
        ("gb2312", "gb18030", "朱镕基总理和陶喆的歌"),
        ("big5", "big5hkscs", "佢哋嘅嘢喺邊度"),
    ]:
        page = f"<meta charset={label}>{text}"
        assert decoded(page.encode(codec), None) == page


HOSTILE = {
    "empty": b"",
    "byte": b"\xff",
    "mark": b"\xff\xfe",
    "zero": b"\x00",
    "escape": b"\x1b$B",
    "hz": b"~{~}" * 1_000_000,
    "letter": b"\xe9" * 10_000_000,
    "ascii": b"a" * 10_000_000,
    "zeros": b"\x00" * 1_000_001,
    "comments": b"<!--" * 1_000_000,
    "metas": b"<meta " * 1_000_000 + b"\x80",
    "all": bytes(range(256)) * 20_000,
}


@pytest.mark.parametrize("page", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pages_cost_little(page):
    began = time.process_time()
    assert isinstance(decoded(page, "windows-1252"), str)
    assert time.process_time() - began < 5


LABELS = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["utf-8", "big5", "hz", "iso-2022-jp"]))


@given(st.binary(max_size=200), LABELS)
def test_any_bytes_make_a_string(page, charset):
    assert isinstance(decoded(page, charset), str)


FERRY = {
    "de": "Die Fähre zur Insel Föhr legt mit der Flut ab, und wer sie verpasst, muß bis zum nächsten Morgen warten.",
    "fr": "Le ferry pour l’île part avec la marée, et ceux qui le manquent doivent attendre jusqu’au lendemain.",
    "en": "It’s the ferry’s “last” trip — they’ll wait.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy v přístavu.",
    "ru": RUSSIAN,
    "zh": CHINESE,
}
TAILS = [
    ("Übrigens: früh, Gäste, größer", "latin-1"),
    ("“quote” – dash…", "cp1252"),
    ("café ", "latin-1"),
]


@pytest.mark.parametrize("meta", ["", "<meta charset=utf-8>"])
@pytest.mark.parametrize("paragraphs", [1, 5, 50])
@pytest.mark.parametrize("language", FERRY)
@pytest.mark.parametrize(("tail", "codec"), TAILS, ids=[tail for tail, _ in TAILS])
def test_utf8_with_a_few_other_bytes_stays_utf8(meta, paragraphs, language, tail, codec):
    front = f"<html><head>{meta}<title>x</title></head><body>" + f"<p>{FERRY[language]}</p>\n" * paragraphs + "<p>"
    page = front.encode() + tail.encode(codec) + b"</p></body></html>"
    read = decoded(page, None)
    assert read.startswith(front)
    if language in ("de", "fr", "en"):  # in others, é may be the rest of a letter
        assert read == f"{front}{tail}</p></body></html>"


@pytest.mark.parametrize("header", [None, "utf-8", "iso-8859-1"])
@pytest.mark.parametrize("text", ALL)
def test_cut_characters_become_the_replacement_character(text, header):
    cut = text.encode()
    at = next(n for n in range(len(cut) // 2, len(cut)) if 0x80 <= cut[n] < 0xC0)
    page = b"<p>" + cut[:at] + b"</p><p>" + cut + b"</p>"
    assert decoded(page, header) == page.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("text", "codec"),
    [("Au CAFÉ» des Élèves, près de la forêt", "cp1252"), (POLISH, "cp1250"), (RUSSIAN, "cp866"), (CHINESE, "gb18030")],
)
def test_a_sequence_that_is_sound_by_accident_makes_no_utf8(text, codec):
    page = f"<p>{text}</p>".encode(codec) + b"<p>\xc9\xbb</p>"
    assert chosen(page, None).codec != "utf_8"
    assert text in decoded(page, None)


def test_damage_everywhere_is_bounded():
    page = "Größe ".encode() * 500_000 + b"\xe4 " * 500_000
    began = time.perf_counter()
    assert decoded(page, "utf-8").startswith("Größe ")
    assert time.perf_counter() - began < 10
