"""What stands around a number or a value: code, JSON, tables, logs and amounts stay as they are."""

import json

import pytest

from tests.stages.test_pii_stage import masked

STAYS = [
    # passports: `pass` and `pas` are words like others
    "Ce n'est pas le cas du dossier 123456789", "Il n'y a pas de produit A1234567", "one-pass ABC123456",
    "The function will pass 123456789 as the seed", "Students must pass course CS1234567", "Pas de calais 123456789",
    "Test pass 250000000 ns/op", "make pass: 100000000 iterations", "in pass 2. (Addresses Google Bug: #158564737)",
    "passport: 4G speeds of 123456789 bits", "compass 123456789", "tests pass 2023 000000001",
    # telephones: names of other values, amounts, sizes
    '{"event":"call_started","call_id":1234567890,"ts":1709546000}', "calls=1709546000", '"mobile": 1234567,',
    "call duration: 1234567 ms", "Calls: 10000000, avg 123 ns", "ring buffer size: 1048576", "mobile: 1920 1080",
    "| Mobile | 12 345 678 | 45 % |", "2 500 000 work hours", "10 000 000 home owners", "Total 10 000 000 (cell)",
    "12 345 678 mobile subscribers", "the so-called 100 000 000 dollar", "Call of Duty sold 25 000 000 copies",
    "Telephones - main lines in use: 141 000 000", "Le portable coûte 1 000 000 francs", "contact_id: 1234567890",
    "Cell phone subscriptions: 327 577 529 (2014)", "function call: 1234567890", "call 2100000000", "tel: 1 234 567 €",
    "Ring hexamer -1.228   2.029   0.652", 'the delete() call\n3632  9.0.0612', "fax 600 600 1200 dpi",
    "SMS 7 bit 1600 1400", "ring: 4 294 967 296 slots", "Called with 1234567890 bytes", "sms: 1234567",
    "In 1848 he was called 1 234 567", "The hotline handled 1 000 000 calls", "Mobile\t1234567\t2345678\t3456789",
    # version 6: slices, years, times
    "slice [2000::2]", "x[2048::4]", "array[2000::]", "a[2400::100]", "meeting 2020::2021", "2020:10:12::1",
    "Oct 25 2000::", "SELECT 2022::text, 2400::int4",
    # secrets: passes and secrets of another kind, algorithms, stand-ins
    "Passwords: SHA-256", "bus pass: route42a", "render pass: Vulkan1.2", "compiler pass: O2-inline1",
    "pass=42/42tests", "Victoria's Secret: PINK2018", "Authorization: Bearer YOUR_TOKEN_HERE123",
    "password: 12.5s", "pip install --user pkg:v1.2.3", "ls -a hunter22x", '<p class="pass">hunter22</p>',
    '<input name="password">hunter22</input>', "call 18001 2800 0282 878 999", "looked at acme dot com",
    # emails: sentences, indices, versions
    "matrix[at]row.me", "element [at] index.io", "array[at].size (at) x.id", "Look (at) this.it is",
    "sold (at) cost.so there", "npm i @types/node@12.0.com", "foo@2x.com", "price 5@3.me",
    # national numbers: parts, lots, functions
    "Part no. AB123456C", "ITEM AB123456C in stock", "lot 457-55-5462", "sin(130692544)",
    "uid 1000 gid 1000 999941057058",
]  # fmt: skip


@pytest.mark.parametrize("text", STAYS)
def test_stays(text):
    assert masked(text) == text


MASKED = [
    ("Pass: 533380006", "Pass: <PASSPORT>"), ("Pass-Nr. C01X00T47", "Pass-Nr. <PASSPORT>"),
    ("pass no 533380006", "pass no <PASSPORT>"), ("passnummer: 533380006", "passnummer: <PASSPORT>"),
    ("pas nr. AB12345C7", "pas nr. <PASSPORT>"), ("passport number is 533380006", "passport number is <PASSPORT>"),
    ("(089/99529727)", "(<PHONE>)"), ("Tel. (089/99529727)", "Tel. (<PHONE>)"), ("555 1234-Fax", "<PHONE>-Fax"),
    ("Call us on 612 345 678 today", "Call us on <PHONE> today"), ("Mobile: 612 345 678", "Mobile: <PHONE>"),
    ('{"phone": "4159902345", "id": 7}', '{"phone": "<PHONE>", "id": 7}'), ("call 4159902345", "call <PHONE>"),
    ("mobile_number: 4159902345", "mobile_number: <PHONE>"), ("phone=4159902345", "phone=<PHONE>"),
    ("Tel. 612 345 678  (Ana)", "Tel. <PHONE>  (Ana)"), ("phone 555-12-3456", "phone <PHONE>"),
    ("call the office, 415-867-5309", "call the office, <PHONE>"), ("| Phone | 467 3395 |", "| Phone | <PHONE> |"),
    ("ip 2400:3300::1", "ip <IP>"), ("route 2400:3300::/32", "route <IP>/32"), ("x 2a00:1450::1", "x <IP>"),
    ("http://[2400:3300::1]/", "http://[<IP>]/"),
    ("export PGPASSWORD=hunter22x", "export PGPASSWORD=<PASSWORD>"), ("my pass: hunter22x", "my pass: <PASSWORD>"),
    ("user: bob pass: hunter22x", "user: bob pass: <PASSWORD>"), ("pass=hunter22x", "pass=<PASSWORD>"),
    ("Server=x;Uid=sa;Pwd=hunter22;", "Server=x;Uid=sa;Pwd=<PASSWORD>;"),
    ("http://h.io/?user=bob&pwd=hunter22", "http://h.io/?user=bob&pwd=<URL>"),
    ("jan (at) firma.it", "<EMAIL>"), ("x@163.com", "<EMAIL>"),
    ("please call 0800 0282 878 or 18001 0800 0282 878", "please call <PHONE> or 18001 <PHONE>"),
    ("curl --user bob:hunter2x http://h.io", "curl --user bob:<PASSWORD> http://h.io"),
    ("redis-cli -a hunter22x", "redis-cli -a <PASSWORD>"), ("contraseña: 12345678a", "contraseña: <PASSWORD>"),
    ('<Password xsi:type="string">hunter22</Password>', '<Password xsi:type="string"><PASSWORD></Password>'),
    ("john@acme dot com", "<EMAIL>"), ("john <at> acme.com", "<EMAIL>"), ("john [at] acme dot com", "<EMAIL>"),
    ("Contact: Rahul, 9876543210", "Contact: Rahul, <PHONE>"), ("Call Now 9876543210", "Call Now <PHONE>"),
    ("Teléfono de contacto: 612 345 678", "Teléfono de contacto: <PHONE>"),
    ("my cell is 4159902345", "my cell is <PHONE>"),
    ("portable : 612345678", "portable : <PHONE>"), ("Wi-Fi pass: hunter22x", "Wi-Fi pass: <PASSWORD>"),
    ("SSN of part 457-55-5462", "SSN of part <NATIONAL_ID>"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "made"), MASKED)
def test_masked(text, made):
    assert masked(text) == made


def test_json_stays_json():
    """A log of calls with numbers in it can still be read."""
    line = json.dumps({"event": "call", "call_ms": 1234567890, "ts": 1709546000, "mobile": 12345678, "calls": 98765432})
    assert json.loads(masked(line)) == json.loads(line)


@pytest.mark.parametrize("kind", ["url", "password", "key"])
def test_kinds_that_are_not_asked_for_stay(kind):
    """Keys, passwords and parameters are found by one detector; each stays unless its kind is wanted."""
    secrets = {"password": "hunter22x", "url": "abc123def456", "key": "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c"}
    text = "password={password} http://x.org/?token={url} api_key='{key}'"
    assert masked(text.format(**secrets), kinds=(kind,)) == text.format(**{**secrets, kind: f"<{kind.upper()}>"})
