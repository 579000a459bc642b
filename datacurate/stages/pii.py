"""Personal data and secrets, taken out of texts."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from datacurate.core.phase import each
from datacurate.core.stage import Filter, Outcome, one_array, with_columns
from datacurate.core.types import Count, Fraction
from datacurate.stages import _pii_papers as papers

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal[
    "key", "url", "email", "password", "iban", "card", "national_id", "passport", "ip", "phone", "name", "address"
]
Action = Literal["mask", "replace", "drop", "count"]
FOUND: tuple[Kind, ...] = ("key", "url", "email", "password", "iban", "card", "national_id", "passport", "ip", "phone")
"""Kinds that are found by their form; names and addresses need a model."""
_DATATROVE = {
    "kinds": ("email", "ip"),
    "patterns": "datatrove",
    "action": "replace",
    "reuse": False,
    "replacements": {
        "email": ("email@example.com", "firstname.lastname@example.org"),
        "ip": ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168"),
    },
}
_STARCODER = {
    "kinds": ("key", "url", "email", "password", "ip"),
    "actions": {"ip": "replace"},
    "placeholders": {"url": "<PASSWORD>"},
    "replacements": {
        "ipv4": ("172.16.31.10", "172.16.58.3", "172.16.17.32", "192.168.127.12", "192.168.3.11"),
        "ipv6": (
            "fd00:c2b6:b24b:be67:2827:688d:e6a1:6a3b", "fd00:a516:7c1b:17cd:6d81:2137:bd2a:2c5b",
            "fc00:e968:6179::de52:7100", "fc00:db20:35b:7399::5", "fdf8:f53e:61e4::18",
        ),
    },
    "random_strings": True,
}  # fmt: skip
_DOLMA = {
    "kinds": ("email", "ip", "phone"),
    "regions": ("US",),
    "max_spans": 5,
    "placeholders": {
        "email": "|||EMAIL_ADDRESS|||",
        "phone": "|||PHONE_NUMBER|||",
        "ip": "|||IP_ADDRESS|||",
    },
}


class Pii(Filter):
    """Every document without personal data and secrets: masked, replaced by fakes, or dropped with the document.

    Finds emails, public addresses of both versions of IP, telephone numbers, bank accounts (IBAN), payment cards,
    national numbers and passports by country, API keys, assigned passwords, and credentials in URLs; names and postal
    addresses with a model (`ner`). What can be checked is: top-level domains, Luhn, mod 97, check digits, the library
    phonenumbers. Private, reserved, documentation and multicast addresses, public name servers and version numbers
    stay, and so do emails at `example.*`, published test cards and numbers kept for films. Where two spans overlap the
    kind that stands first wins: key, url, email, password, iban, card, national_id, passport, ip, phone, name, address.

    Adds the column `pii`: a list of `kind`, `form`, `start` and `end`, in bytes of the UTF-8 of the text that goes on,
    and never the secret. The excerpt of a dropped document in the ledger is masked, or a note where not everything was
    checked. Put the stage in front of others that drop documents, whose excerpts would show texts as they came.

    Presets: `datatrove` and `fineweb` (PIIFormatter of datatrove 0.10, byte for byte), `starcoder` (Li et al. 2023,
    appendix; bigcode-dataset, pii), `dolma` (Soldaini et al. 2024, section 3; taggers/pii.py): the last two with our
    detectors. Emails and keys of code: StarCoder. Masks by tokens: Dolma.
    """

    version = 2
    rewrites: ClassVar[bool] = True
    measured_with: ClassVar[tuple[str, ...]] = (
        "kinds", "patterns", "regions", "leniency", "countries", "public_only", "random_strings", "max_candidates",
        "ner", "ner_model", "ner_language", "ner_min_score",
    )  # fmt: skip
    makes: ClassVar[tuple[str, ...]] = ("pii",)
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "curate": {},
        "datatrove": _DATATROVE,
        "fineweb": _DATATROVE,
        "starcoder": _STARCODER,
        "dolma": _DOLMA,
    }

    preset: str = "curate"
    """Whose rules: `curate` (ours), `datatrove`, `fineweb`, `starcoder`, `dolma`."""
    kinds: tuple[Kind, ...] = FOUND
    """What to look for."""
    action: Action = "mask"
    """What to do: `mask` puts a placeholder in its place, `replace` a fake, `drop` drops the document, `count` does
    nothing but count."""
    actions: dict[Kind, Action] = {}
    """Other actions for some kinds."""
    placeholders: dict[str, str] = {}
    """Placeholders by kind or form; `<KIND>`, such as `<EMAIL>`, unless given."""
    replacements: dict[str, tuple[str, ...]] = {}
    """Texts that replace a kind or form, one after the other in each document; fakes are made up unless given."""
    reuse: bool = True
    """Whether a secret that stands in a document twice gets the same replacement twice."""
    max_spans: Count | None = None
    """Most spans, of all kinds, of a document that is kept; `null`: any number."""
    patterns: Literal["curate", "datatrove"] = "curate"
    """How emails and addresses are found: our way, or by datatrove's two expressions, which know no other kind."""
    public_only: bool = True
    """Whether only public addresses count."""
    regions: tuple[str, ...] = ("US", "GB", "FR", "DE", "IT", "AU", "NZ", "BE", "CH", "SE", "JP", "IN", "BR")
    """Regions, as ISO 3166 has them, whose way of writing is understood in numbers without `+` and without a word such
    as `phone` near them."""
    leniency: Literal["valid", "possible"] = "valid"
    """What the library must say of numbers that it is asked about: given out to somebody, or of a possible length."""
    countries: tuple[str, ...] | None = None
    """Countries whose national numbers and passports are looked for; `null`: all that are known."""
    random_strings: bool = False
    """Whether quoted strings with the entropy of keys count under any name, as in detect-secrets; then no key without a
    prefix counts in a file that speaks of hashes on more than 2 % of its lines, as in StarCoder."""
    max_candidates: Count = 10_000
    """Most candidates of a document that only Python can decide; a document with more is dropped by `unchecked`."""
    ner: Literal["presidio", "gliner"] | None = None
    """A model for names and addresses, when it is installed."""
    ner_model: str | None = None
    """The model's name or folder; `null`: en_core_web_lg for presidio, gliner_multi_pii-v1 for GLiNER."""
    ner_language: str = "en"
    """The language that presidio is told."""
    ner_min_score: Fraction = 0.5
    """Least score of the model that counts."""

    @field_validator("kinds")
    @classmethod
    def _in_order(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        known = (*FOUND, "name", "address")
        return tuple(kind for kind in known if kind in kinds)

    @field_validator("countries")
    @classmethod
    def _countries(cls, countries: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for country in countries or ():
            if country not in papers.COUNTRIES:
                raise ValueError(f"no national numbers of '{country}' are known. Known: {', '.join(papers.COUNTRIES)}")
        return countries and tuple(sorted(set(countries)))

    @field_validator("regions")
    @classmethod
    def _regions(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        from datacurate.stages._pii_find import library

        for region in regions:
            if region not in library().SUPPORTED_REGIONS:
                raise ValueError(f"'{region}' is no region. Write ISO 3166's two capitals, such as US or GB")
        return tuple(dict.fromkeys(regions))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        from datacurate.stages._pii_tables import forms

        if self.patterns == "datatrove" and set(self.kinds) - {"email", "ip"}:
            raise ValueError("patterns: datatrove finds emails and ip addresses alone. Set kinds to [email, ip]")
        modelled = {"name", "address"} & set(self.kinds)
        if bool(modelled) != bool(self.ner):
            said = "kinds name and address need a model: set ner" if modelled else "ner finds names and addresses"
            raise ValueError(f"{said}. Name both, e.g. ner: presidio and kinds: [name, email]")
        for name in (*self.placeholders, *self.replacements):
            if name not in self._kinds() and name not in forms():
                raise ValueError(f"'{name}' is neither a kind nor a form. Kinds: {', '.join(self._kinds())}")
        for name, texts in self.replacements.items():
            if not texts:
                raise ValueError(f"replacements: '{name}' has none. Leave it out to have fakes made up")
        return self

    @staticmethod
    def _kinds() -> tuple[str, ...]:
        return (*FOUND, "name", "address")

    def files(self) -> list[str]:
        """The public suffix list, whose top-level domains decide what an email is."""
        from datacurate.stages.filters._url_lists import suffix_file

        return [suffix_file()] if self.patterns == "curate" and "email" in self.kinds else []

    def action_of(self, kind: str) -> str:
        """What is done with a kind."""
        return next((action for known, action in self.actions.items() if known == kind), self.action)

    def measure(self, text: Any) -> dict[str, Any]:
        """Spans in bytes of the text that came, how many of each kind, and candidates that were not checked."""
        from datacurate.stages import _pii_measure

        return _pii_measure.measure(self, text)

    def rules(
        self, total: Any, unchecked: Any, key: Any, url: Any, email: Any, password: Any, iban: Any, card: Any,
        national_id: Any, passport: Any, ip: Any, phone: Any, name: Any, address: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """True where the document passes: a rule for every kind that drops, `max_spans`, `unchecked`."""
        counts = dict(zip(self._kinds(), (key, url, email, password, iban, card, national_id, passport, ip, phone, name,
                                          address), strict=True))  # fmt: skip
        passes: dict[str, Any] = {kind: counts[kind] <= 0 for kind in self.kinds if self.action_of(kind) == "drop"}
        if self.max_spans is not None:
            passes["max_spans"] = total <= self.max_spans
        return passes | {"unchecked": unchecked <= 0}

    def made(self, columns: Container[str] = ()) -> dict[str, Any]:
        """The spans."""
        from datacurate.stages._pii_apply import SPANS

        return {"pii": SPANS}

    def handed(self, docs: pa.Table, measured: pa.Table) -> pa.Table:
        """The documents with other text in place of what was found, and where that stands."""
        from datacurate.stages._pii_apply import apply

        text, spans = apply(self, docs, one_array(measured["spans"]))
        return with_columns(docs, {"text": text, "pii": spans})

    @each
    def decided(self, docs: pa.Table, measured: pa.Table) -> Outcome:
        """The documents that pass; of the others, excerpts without what was found."""
        from dataclasses import replace

        from datacurate.core.signals import judge
        from datacurate.stages._pii_apply import excerpts

        keep, removed = judge(self, measured)
        went = self.handed(docs.filter(keep), measured.filter(keep))
        spans, unchecked = one_array(measured["spans"]), measured["unchecked"].to_numpy()
        shown = [excerpts(self, docs, spans, unchecked, one.index) for one in removed]
        return Outcome(went, [replace(one, excerpt=said) for one, said in zip(removed, shown, strict=True)])

    def warm(self) -> None:
        """Compile the kernels."""
        import pyarrow as pa

        texts = pa.array(["a@b.cd 41.173.96.26 +1 212-555-0100"])
        table = pa.table({"id": ["warm"], "text": texts, "source": ["warm"]})
        self.seeing(tuple(type(self).model_fields)).handed(table, pa.table(self.measure(texts)))
