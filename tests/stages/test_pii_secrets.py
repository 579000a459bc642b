"""Secrets in the ways in which they are typed, and what only looks like them."""

import pytest

from datacurate.stages._pii_keys import PASSWORD_NAMES
from tests.stages.test_pii_stage import masked

HEX = "9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c"
SECRETS = {
    "key": [
        ("Authorization: Bearer {}", "9f8a7b6c5d4e3f2a1b0c"),
        ('curl -H "Authorization: Bearer {}" x', "abcDEF123456ghi"),
        ('{{"Authorization": "Token {}"}}', HEX), ('headers["Authorization"] = "Bearer {}"', "k3yR1ng7k3yR1ng7xx"),
        ("tool --api-key {} --x", HEX), ("API key: {}", HEX), ("<ApiKey>{}</ApiKey>", HEX),
        ("- name: API_TOKEN\n  value: {}", HEX), ("Proxy-Authorization: bearer {}", HEX),
    ],
    "password": [
        ("-H 'Authorization: Basic {}'", "YWRtaW46czNjcjN0"),
        ("Authorization: Basic {}", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ("tool --password {} --user bob", "hunter2x"), ("tool --db-password='{}'", "s3cret!"),
        ("mysql -u root -p{} db", "s3cretPa55"), ("mysqldump -u root -p {} db", "s3cretPa55"),
        ("sshpass -p '{}' ssh me@host", "x9kk!Q"), ("docker login -u me -p {}", "d0ckerPw9"),
        ("curl -u admin:{} https://x.org/", "s3cr3tPw"), ("<password>{}</password>", "s3cret!"),
        ("<db:Password>{}</db:Password>", "hunter2x"), ('<property name="password" value="{}"/>', "s3cr3tpw"),
        ('<add key="DbPassword" value="{}" />', "s3cr3tpw9"), ('"password": "{}"', "s3cret!"),
        ('{{\\"password\\": \\"{}\\", \\"x\\": 1}}', "s3cret!9"), ("  password: {}", "s3cretPa55"),
        ("- name: DB_PASSWORD\n  value: {}", "s3cretPa55"), ("export DB_PASS={}", "s3cretPa55"),
        ("**Password:** {}", "s3cretPa55"), ("**Password**: {}", "s3cretPa55"), ("dbPassword = '{}'", "x_9kk!Q"),
    ],
    "email": [
        ("mailto:{}", "foo.bar%40gmail.com"), ("https://x.org/?email={}&a=1", "foo%40gmail.com"),
        ("write to {} now", "john [at] company [dot] org"), ("write to {} now", "john (at) company.de"),
        ("write to {}.", "john(at)company(dot)co(dot)uk"), ("MAIL {}", "john AT gmail DOT com"),
        ("({})", "john@company[.]org"), ("{}", "j.doe {at} uni-x {dot} edu"), ("to {},", "john[@]company.org"),
        ("{}", "kontakt [ad] schweizerjaeger.ch"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "secret"), [(k, *one) for k, many in SECRETS.items() for one in many])
def test_found(kind, text, secret):
    """The secret and nothing around it."""
    assert masked(text.format(secret)) == text.format(f"<{kind.upper()}>")


@pytest.mark.parametrize("word", PASSWORD_NAMES)
def test_every_word_for_password(word):
    """In small letters, with a capital and in capitals; with a full-width colon; assigned."""
    for form in {word, word.capitalize(), word.upper()}:
        assert masked(f"{form}: abc12345 x") == f"{form}: <PASSWORD> x"
        assert masked(f"({form}：abc12345)") == f"({form}：<PASSWORD>)"
        assert masked(f"x_{form} = 'abc12345'") == f"x_{form} = '<PASSWORD>'"


@pytest.mark.parametrize("name", ["mot de passe", "Palavra-passe", "كلمة المرور", "mật khẩu", "登录密码", "kata sandi"])
def test_names_of_several_words(name):
    assert masked(f"{name} : abc12345") == f"{name} : <PASSWORD>"


LEFT = [
    "Authorization: Bearer <token>", "Authorization: Bearer $TOKEN", "Authorization: Bearer YOUR_ACCESS_TOKEN",
    'Authorization: Basic realm="x"', "Authorization: Bearer {token12345678}", "Authorization: Basic realmofthekings1",
    "tool --password-file /run/secrets/x1y2z3", "tool --password PASSWORD1", "docker run -p 8080:80 nginx1234a",
    "mkdir -p dir12345", "ssh -p 2222 host1", "mysql db\nmkdir -p dir12345", "curl -u user:password https://x.org/",
    "curl -u $USER:$PASS1234 x", "<password>string</password>", "<bypass>1234abcd</bypass>", "compass: north12345",
    "password: required", "Password: 8 characters minimum", 'password: str = "abc"', "the password: ${PASSWORD1}",
    "PASSWORD_HASHERS = ['django1']", "name [at] example [dot] com", "meet me at home.com", "f(at) b", "look AT me.com",
    "x[a] = b.com", "100%40 of", "https://medium.com/%40user", "name: version\nvalue: abc12345", "паролька: abc12345",
    "passe: abc12345",
]  # fmt: skip


@pytest.mark.parametrize("text", LEFT)
def test_left(text):
    assert masked(text) == text
