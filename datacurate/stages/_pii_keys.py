"""Keys of services that show in their form, and the names under which secrets are assigned: tables, to be extended."""

from __future__ import annotations

from typing import NamedTuple

CAPITALS, LETTERS, NAMES, HEXES, DOTTED, SLASHED = 1, 2, 4, 8, 16, 32
"""Alphabets behind a prefix: capitals and digits; letters and digits; these with `_-`; hexadecimal; letters, digits and
`_-.`; letters, digits and `_-+/=`. The numbers are those of kernels/pii_keys.py."""


class Key(NamedTuple):
    """A key: how it begins, of what and how many characters the rest is. It needs a digit and is no `...EXAMPLE`."""

    form: str
    prefix: str
    chars: int
    least: int
    most: int


_AWS = ("AKIA", "AGPA", "AIDA", "AROA", "AIPA", "ANPA", "ANVA", "ASIA", "ABIA", "ACCA")
_GITHUB = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")
_SLACK = ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxo-", "xoxs-", "xoxe-", "xapp-")

KEYS = (
    *(Key("aws_access_key", prefix, CAPITALS, 16, 16) for prefix in _AWS),
    *(Key("github_token", prefix, LETTERS, 36, 251) for prefix in _GITHUB),
    Key("github_token", "github_pat_", NAMES, 60, 90),
    Key("gitlab_token", "glpat-", NAMES, 20, 64),
    *(Key("slack_token", prefix, NAMES, 20, 200) for prefix in _SLACK),
    Key("slack_webhook", "hooks.slack.com/services/", SLASHED, 40, 90),
    Key("stripe_key", "sk_live_", LETTERS, 24, 128),
    Key("stripe_key", "rk_live_", LETTERS, 24, 128),
    Key("stripe_key", "sk_test_", LETTERS, 24, 128),
    Key("stripe_webhook", "whsec_", SLASHED, 32, 64),
    Key("google_api_key", "AIza", NAMES, 35, 35),
    Key("google_oauth", "ya29.", NAMES, 60, 250),
    Key("google_oauth", "GOCSPX-", NAMES, 28, 28),
    Key("twilio_key", "SK", HEXES, 32, 32),
    Key("twilio_key", "AC", HEXES, 32, 32),
    Key("sendgrid_key", "SG.", DOTTED, 66, 66),
    Key("mailgun_key", "key-", HEXES, 32, 32),
    Key("npm_token", "npm_", LETTERS, 36, 36),
    Key("pypi_token", "pypi-AgEIcHlwaS5vcmc", NAMES, 50, 250),
    Key("huggingface_token", "hf_", LETTERS, 34, 37),
    Key("openai_key", "sk-proj-", NAMES, 40, 200),
    Key("openai_key", "sk-svcacct-", NAMES, 40, 200),
    Key("anthropic_key", "sk-ant-", NAMES, 80, 130),
    Key("openai_key", "sk-", LETTERS, 48, 48),
    Key("square_key", "sq0csp-", NAMES, 43, 43),
    Key("square_key", "sq0atp-", NAMES, 22, 22),
    Key("shopify_token", "shpat_", HEXES, 32, 32),
    Key("shopify_token", "shpss_", HEXES, 32, 32),
    Key("digitalocean_token", "dop_v1_", HEXES, 64, 64),
    Key("databricks_token", "dapi", HEXES, 32, 34),
    Key("artifactory_token", "AKC", LETTERS, 60, 110),
    Key("artifactory_token", "cmVmdGtu", LETTERS, 56, 56),
    Key("facebook_token", "EAACEdEose0cBA", LETTERS, 20, 250),
    Key("linear_key", "lin_api_", LETTERS, 40, 40),
    Key("age_key", "AGE-SECRET-KEY-1", CAPITALS, 58, 58),
    Key("doppler_token", "dp.pt.", LETTERS, 40, 44),
    Key("grafana_token", "glsa_", NAMES, 41, 41),
    Key("planetscale_token", "pscale_tkn_", NAMES, 32, 64),
    Key("newrelic_key", "NRAK-", CAPITALS, 27, 27),
    Key("docker_token", "dckr_pat_", NAMES, 27, 32),
    Key("azure_devops", "AzureDevOps", LETTERS, 52, 52),
)
"""Forms as their makers document them; the first half are those of detect-secrets (Yelp/detect-secrets 1.5, plugins)
that StarCoder's list uses (bigcode-dataset, pii/utils/keys_detection.py). Cloudant, IBM and SoftLayer keys are
hexadecimal and show in their names alone, as do Azure's storage keys: KEY_NAMES."""

KEY_NAMES = (
    "apikey", "apisecret", "secretkey", "secret", "accesskey", "accesskeyid", "accesstoken", "authtoken", "token",
    "clientsecret", "privatekey", "secretaccesskey", "authkey", "encryptionkey", "signingkey", "accountkey",
    "sharedaccesskey", "credential", "credentials", "servicekey", "masterkey", "appkey", "appsecret", "consumersecret",
    "bearer", "sessiontoken", "refreshtoken", "webhooksecret", "secretid", "apitoken", "hmackey", "storagekey",
    "authorization",
)  # fmt: skip
"""Ends of names whose value is a key if it is random enough; `_`, `-` and spaces in a name do not count."""
PASSWORD_NAMES = (
    "password", "passwords", "passwd", "pwd", "passphrase", "pass", "userpass", "dbpass", "passw", "secret", "passcode",
    "pgpassword",
    "kennwort", "passwort", "zugangscode", "wachtwoord", "lösenord", "adgangskode", "passord", "salasana", "hasło",
    "contrasena", "contraseña", "senha", "palavrapasse", "motdepasse", "parolad'ordine", "parolă", "heslo",
    "jelszó", "parola", "şifre", "пароль", "пароля", "парола", "лозинка", "κωδικός", "סיסמה", "סיסמא", "كلمةالمرور",
    "كلمةالسر", "كلمهالمرور", "رمزعبور", "密码", "密碼", "口令", "パスワード", "비밀번호", "암호", "पासवर्ड",
    "รหัสผ่าน", "mậtkhẩu", "katasandi",
)  # fmt: skip
"""Ends of names whose value is a password, in some thirty languages; `_`, `-` and spaces in a name do not count."""
SCHEMES = ("bearer", "basic", "token", "apikey")
"""What stands in front of the secret in a header `Authorization` (RFC 6750, RFC 7617; GitHub, Opsgenie)."""
TYPED_P = (
    "mysql", "mysqldump", "mysqladmin", "mysqlimport", "mariadb", "sshpass", "docker login", "podman login", "az login",
    "registry login", "ftps",
)  # fmt: skip
"""Commands whose option `-p` is followed by a password, with or without a space."""
TYPED_U = ("curl", "httpie", "wget")
"""Commands whose options `-u` and `--user` are followed by `user:password`."""
TYPED_A = ("redis-cli",)
"""Commands whose option `-a` is followed by a password."""
QUERY_NAMES = (
    "token", "access_token", "auth_token", "api_key", "apikey", "api-key", "sig", "signature", "secret",
    "client_secret", "password", "passwd", "pwd", "pass", "auth", "authkey", "x-amz-signature", "x-amz-credential",
    "refresh_token", "x-amz-security-token", "x-goog-signature", "sessionid", "session_id", "session", "sid",
    "jsessionid", "phpsessid", "id_token", "private_token", "oauth_token", "access_key", "accesskey",
    "subscription-key", "sas", "awsaccesskeyid",
)  # fmt: skip
"""Parameters of addresses that let in whoever has them."""
PLACEHOLDERS = (
    "password", "passwd", "passw0rd", "pass", "pwd", "secret", "changeme", "change_me", "example", "test", "testing",
    "xxx", "xxxx", "xxxxxx", "xxxxxxxx", "none", "null", "true", "false", "string", "text", "yourpassword",
    "your_password", "your-password", "yourpass", "mypassword", "my_password", "user", "username", "token", "mytoken",
    "foobar", "hidden", "redacted", "default", "empty", "undefined", "required", "optional", "dummy", "placeholder",
    "pass123", "password123", "password1", "test123", "test1234", "secret123", "admin123", "123456", "12345678",
    "1234567890", "p@ssw0rd", "passphrase", "wrongpass", "invalid", "bar", "baz",
)  # fmt: skip
"""Values that stand in place of a password."""
HASH_WORDS = ("sha", "md5", "hash", "byte")
"""Words of a line on which a value of a hash's length is a hash (bigcode-dataset, pii/utils/keys_detection.py)."""
