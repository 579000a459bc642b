"""What every stage with presets promises."""

from __future__ import annotations

import json

import pytest

from datacurate.core.recipe import loads
from datacurate.core.registry import stage_class
from tests.contract.exam import STAGES, make

WITH_PRESETS = [name for name in STAGES if stage_class(name).presets]


@pytest.mark.parametrize("name", WITH_PRESETS)
def test_presets(name):
    """The default preset is the defaults; every preset is valid, survives YAML, and yields to what is given."""
    kind = type(make(name))
    assert make(name).preset in kind.presets and "preset" not in make(name).changed_fields()
    assert kind.presets[make(name).preset].items() <= {n: getattr(make(name), n) for n in kind.model_fields}.items()
    for preset, options in kind.presets.items():
        stage = make(name, preset=preset)
        assert {option: getattr(stage, option) for option in options} == options
        assert loads(f"sources: {{a: a.jsonl}}\nstages: [{name}: {json.dumps(stage.options())}]").stages == [stage]
        plain = {option: make(name).model_dump(mode="json")[option] for option in options}
        assert make(name, preset=preset, **plain).changed_fields() == make(name).changed_fields()
        again = make(name, **make(name, preset=preset, **plain).options())
        assert again == make(name, preset=preset, **plain)
    with pytest.raises(ValueError, match=r"no preset 'gohper'.*All: "):
        make(name, preset="gohper")
