"""Stage models: the six that ship, switches, and what a mistake in a company's own file is told."""

import itertools
import re
import tomllib

import pytest

from lifecycle.stages import MODELS, SHIPPED, ModelError, load_model, normalise, parse_model, raw_values, shipped_models

DEMO_VALUES = [
    *("Social follower", "Subscriber", "Lead", "Engaged", "Trial offered", "Marketing qualified", "Sales accepted"),
    *("Sales qualified", "Opportunity", "Trial started", "Free plan", "Closed won"),
    *("Closed lost", "Disqualified", "Recycled", "Do not contact", "Competitor employee"),
]

VALID = """
name = "own"
label = "Our own"
ignored = ["Spam"]
[switches]
count_trials = true
[[stages]]
key = "visitor"
label = "Visitor"
kind = "anonymous"
[[stages]]
key = "lead"
label = "Lead"
labels.es = "Cliente potencial"
kind = "progress"
enters = ["New", " open "]
[[stages]]
key = "trial"
label = "Trial"
kind = "progress"
optional = true
switch = "count_trials"
enters = ["Trial started"]
[[stages]]
key = "mql"
label = "MQL"
kind = "progress"
limit_days = 14
[[stages]]
key = "customer"
label = "Customer"
kind = "progress"
enters_on = ["orders.first"]
requires = "lead"
[[stages]]
key = "lost"
label = "Lost"
kind = "exit"
enters = ["Closed lost"]
[handoff]
from = "mql"
accepted = ["customer"]
rejected = ["lost", "lead"]
"""


def own(tmp_path, *changes: tuple[str, str], text: str = VALID):
    """The valid file with pieces of it replaced, loaded as a company would."""
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} must stand once in the example"
        text = text.replace(old, new)
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load_model(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_valid_however_its_switches_are_set(name):
    model = load_model(name)
    assert model.name == name
    for setting in itertools.product((False, True), repeat=len(model.switches)):
        switched = model.with_switches(dict(zip(model.switches, setting, strict=True)))
        assert switched.progress


def test_the_shipped_models_are_exactly_the_files_and_in_order_of_presentation():
    assert list(shipped_models()) == list(SHIPPED)
    assert sorted(SHIPPED) == sorted(path.stem for path in MODELS.glob("*.toml"))


def test_every_shipped_model_places_or_ignores_by_itself_whatever_any_of_them_enters():
    entering = {normalise(raw) for m in shipped_models().values() for s in m.stages for raw in s.enters}
    wanted = entering | {normalise(raw) for raw in DEMO_VALUES}
    for model in shipped_models().values():
        assert wanted - raw_values([model]) == set(), model.name
        assert not model.silenced & model.aliases.keys(), model.name


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("inbound", "- lead lead - - mql sql sql opportunity - - client lost disqualified recycled - -"),
        ("crm", "- subscriber lead - - mql sql sql opportunity - - customer lost disqualified recycled - -"),
        ("lead_stages", "- contact lead engaged interested - - - opportunity - - customer lost - - - -"),
        ("sal_pql", "- lead lead - - mql sal sql opportunity pql - customer lost disqualified recycled - -"),
        ("discovery", "- lead lead - - mql sql sal - - - customer lost disqualified recycled - -"),
        ("customer_lifecycle", "- " + "acquisition " * 10 + "conversion - - - - -"),
    ],
)
def test_each_model_reads_the_same_crm_in_its_own_way(name, stages):
    aliases = load_model(name).aliases
    assert [aliases.get(normalise(raw), "-") for raw in DEMO_VALUES] == stages.split()


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("inbound", "sql"), ("crm", "sql"), ("sal_pql", "sal"), ("discovery", "sql")],
)
def test_where_there_is_an_mql_it_is_handed_to_sales_who_may_refuse_it(name, accepted):
    handoff = load_model(name).handoff
    assert handoff.from_ == "mql"
    assert handoff.accepted == (accepted,)
    assert set(handoff.rejected) == {"lost", "disqualified", "recycled"}
    assert (handoff.decision_days, handoff.sla_hours, handoff.sla_from) == (30, 24, "mql")


@pytest.mark.parametrize("name", ["lead_stages", "customer_lifecycle"])
def test_models_without_an_mql_have_no_handoff(name):
    model = load_model(name)
    assert model.handoff is None
    assert "mql" not in [s.key for s in model.stages]


def test_discovery_speaks_spanish_and_moves_accounts():
    model = load_model("discovery")
    spanish = [s.label_in("es") for s in (*model.anonymous, *model.progress)]
    assert spanish == ["Visitante", "Cliente potencial", "MQL", "SQL", "SAL", "Cliente"]
    assert model.stage("lead").label_in("fr") == "Lead"
    assert model.entity == "account"


def test_a_trial_is_optional_and_so_not_among_the_required_stages():
    model = load_model("sal_pql")
    assert [s.key for s in model.progress if s not in model.required] == ["pql"]


def test_raw_values_are_compared_without_case_and_blanks_and_a_key_is_its_own_alias(tmp_path):
    aliases = own(tmp_path).aliases
    assert aliases[normalise("  oPEN\t")] == "lead"
    assert aliases[normalise("MQL ")] == "mql"


def test_an_anonymous_stage_is_known_but_entered_by_nobody(tmp_path):
    model = own(tmp_path)
    assert "visitor" in model.silenced
    assert "visitor" not in model.aliases


def test_ranks_count_progress_stages_alone(tmp_path):
    model = own(tmp_path)
    assert [model.rank(s.key) for s in model.progress] == [1, 2, 3, 4]
    with pytest.raises(ModelError, match="no progress stage 'lost'; known: lead, trial, mql, customer"):
        model.rank("lost")
    with pytest.raises(ModelError, match="no stage 'nowhere'; known: visitor, lead"):
        model.stage("nowhere")


def test_a_stage_switched_off_is_ignored_not_unknown(tmp_path):
    model = own(tmp_path).with_switches({"count_trials": False})
    assert "trial" not in [s.key for s in model.progress]
    assert {"trial", "trial started"} <= model.silenced
    assert "trial started" not in model.aliases
    assert model.rank("mql") == 2


def test_a_switch_can_let_another_value_into_a_stage():
    off = load_model("crm")
    on = off.with_switches({"free_users_are_customers": True})
    assert "free plan" in off.silenced
    assert on.aliases["free plan"] == "customer"
    assert on.switches["count_followers"] is False


def test_an_unknown_switch_is_refused_with_the_known_ones():
    with pytest.raises(ModelError, match="crm: no switch 'count_all'; known: count_followers, free_users"):
        load_model("crm").with_switches({"count_all": True})


def test_the_digest_follows_the_definition_and_not_its_spelling(tmp_path):
    model = own(tmp_path)
    assert re.fullmatch("[0-9a-f]{8}", model.digest)
    assert own(tmp_path, ('label = "Our own"\nignored = ["Spam"]', 'ignored = [ "Spam" ]\nlabel = "Our own"')) == model
    spelled = own(tmp_path, ('label = "Our own"\nignored = ["Spam"]', 'ignored = [ "Spam" ]\nlabel = "Our own"'))
    assert spelled.digest == model.digest
    for change in [('"New"', '"Newer"'), ("limit_days = 14", "limit_days = 15"), ("= true\n[[", "= false\n[[")]:
        assert own(tmp_path, change).digest != model.digest, change


def test_the_digest_does_not_follow_the_order_of_switches():
    model = load_model("crm")
    turned = dict(reversed(model.switches.items()))
    assert parse_model({**model.model_dump(by_alias=True), "switches": turned}, "crm").digest == model.digest


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "own.toml"
    path.write_bytes(VALID.encode("utf-8-sig"))
    assert load_model(path) == own(tmp_path)


WRONG = {
    "unknown kind": (
        ('kind = "exit"', 'kind = "end"'),
        "stages[5].kind = 'end': Input should be 'anonymous', 'progress'",
    ),
    "unknown key": (
        ("limit_days = 14", "limit = 14"),
        "stages[3].limit = 14: unknown key; allowed: label, labels, key",
    ),
    "unknown key above": (
        ("[switches]", "grain = 1\n[switches]"),
        "grain = 1: unknown key; allowed: label, labels, name",
    ),
    "unknown handoff key": (
        ("accepted =", "to = 1\naccepted ="),
        "handoff.to = 1: unknown key; allowed: from, accepted",
    ),
    "missing label": (('label = "MQL"\n', ""), "stages[3].label: missing, but required"),
    "blank label": (('label = "MQL"', 'label = " "'), "stages[3].label = ' ': String should have at least 1 character"),
    "text for a number": (("limit_days = 14", 'limit_days = "14"'), "stages[3].limit_days = '14'"),
    "flag for a number": (("limit_days = 14", "limit_days = true"), "stages[3].limit_days = True"),
    "endless limit": (("limit_days = 14", "limit_days = inf"), "stages[3].limit_days = inf"),
    "text for a list": (('enters = ["Closed lost"]', 'enters = "Closed lost"'), "stages[5].enters = 'Closed lost'"),
    "unknown fact": (
        ("orders.first", "orders.last"),
        "stages[4].enters_on[0] = 'orders.last': Input should be 'orders.",
    ),
    "odd key": (('key = "mql"', 'key = "M-QL"'), "stages[3].key = 'M-QL': String should match pattern"),
    "odd language": (("labels.es", "labels.Spanish"), "String should match pattern '^[a-z]{2}$'"),
    "key used twice": (('key = "mql"', 'key = "lead"'), "stages[3].key = 'lead': used twice"),
    "value claimed twice": (('"Closed lost"', '"NEW"'), "stages[5].enters = 'new': raw value already claimed by stage"),
    "value of another key": (('"Closed lost"', '"Mql"'), "'mql': raw value already claimed by stage 'mql'"),
    "value ignored and entered": (
        ('"Spam"', '"new "'),
        "stages[1].enters = 'new': raw value already claimed by `ignored`",
    ),
    "columns collide": (('key = "trial"', 'key = "lead_passed"'), "'lead_passed_at': column already claimed by stage"),
    "column of the table": (
        ('key = "trial"', 'key = "started"'),
        "'started_at': column already claimed by a column of",
    ),
    "requires itself": (('requires = "lead"', 'requires = "customer"'), "must be an earlier progress stage"),
    "requires a later one": (
        ('enters = ["New", " open "]', 'enters_on = ["orders.repeat"]\nrequires = "mql"'),
        "stages[1].requires = 'mql': must be an earlier progress stage without `requires` and `switch`; allowed: none",
    ),
    "requires one that may be off": (('requires = "lead"', 'requires = "trial"'), "allowed: lead, mql"),
    "requires without a fact": (("limit_days = 14", 'requires = "lead"'), "`enters_on` is needed"),
    "exit with a limit": (('kind = "exit"', 'kind = "exit"\nlimit_days = 3'), "not allowed for kind 'exit'"),
    "anonymous with values": (
        ('kind = "anonymous"', 'kind = "anonymous"\nenters = ["Guest"]'),
        "stages[0].enters = ('Guest',): not allowed for kind 'anonymous'",
    ),
    "unknown switch": (
        ('switch = "count_trials"', 'switch = "trials"'),
        "'trials': no such switch; allowed: count_trials",
    ),
    "switch without effect": (("= true\n[[", "= true\nidle = true\n[["), "switches.idle = True: switches nothing"),
    "rejected into one that may be off": (
        ('"lost", "lead"', '"trial"'),
        "exit or an earlier progress stage; allowed: lost",
    ),
    "handoff from an exit": (('from = "mql"', 'from = "lost"'), "handoff.from = 'lost': must be a progress stage"),
    "accepted too early": (
        ('["customer"]', '["lead"]'),
        "handoff.accepted[0] = 'lead': must be a later progress stage",
    ),
    "rejected too late": (
        ('"lost", "lead"', '"lost", "customer"'),
        "handoff.rejected[1] = 'customer': must be an exit",
    ),
    "nothing accepted": (('["customer"]', "[]"), "handoff.accepted = []"),
    "odd clock": (
        ('from = "mql"', 'from = "mql"\nsla_from = "lead"'),
        "handoff.sla_from = 'lead': Input should be 'mql'",
    ),
}


@pytest.mark.parametrize(("change", "told"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_file_key_value_and_what_is_allowed(tmp_path, change, told):
    with pytest.raises(ModelError) as caught:
        own(tmp_path, change)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'own.toml'}: ")
    assert told in message
    assert "\n" not in message


def test_a_fact_has_one_stage(tmp_path):
    with pytest.raises(ModelError, match=r"'orders.first': fact already claimed by stage 'mql'"):
        own(tmp_path, ("limit_days = 14", 'enters_on = ["orders.first"]'))


def test_requirements_do_not_chain(tmp_path):
    with pytest.raises(ModelError, match=r"stages\[4\].requires = 'mql': .* allowed: lead$"):
        own(
            tmp_path,
            ("limit_days = 14", 'enters_on = ["orders.repeat"]\nrequires = "lead"'),
            ('["orders.first"]\nrequires = "lead"', '["orders.first"]\nrequires = "mql"'),
        )


def test_a_model_needs_a_stage_that_nothing_switches_off():
    with pytest.raises(ModelError, match="at least one progress stage"):
        parse_model({"name": "own", "label": "Own", "stages": [{"key": "lost", "label": "L", "kind": "exit"}]}, "own")


def test_several_mistakes_are_counted(tmp_path):
    with pytest.raises(ModelError, match=r"\(and 1 more\)$"):
        own(tmp_path, ("limit_days = 14", "limit_days = -1"), ('kind = "exit"', 'kind = "end"'))


def test_a_syntax_error_names_its_line(tmp_path):
    with pytest.raises(ModelError, match=r"own\.toml: not valid TOML: .*line 3"):
        own(tmp_path, text='name = "own"\nlabel = "Own"\nstages = ]\n')


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'name = "\xe9"', "not UTF-8 at byte 8"),
        (b"a = " + b"[" * 50_000, "not valid TOML"),
        (b"# padding\n" * 20_000, "larger than 100000 bytes"),
        (b'name = "a"\nname = "b"\n', "line 2"),
    ],
    ids=["latin-1", "deep nesting", "huge", "key twice"],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, content, told):
    path = tmp_path / "own.toml"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=told):
        load_model(path)


def test_a_missing_file_and_a_misspelled_name_are_told_apart(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.toml: cannot be read: No such file"):
        load_model(tmp_path / "absent.toml")
    with pytest.raises(ModelError, match="inbond: no such stage model; shipped: inbound, crm"):
        load_model("inbond")


def test_a_model_survives_the_way_through_a_dictionary(tmp_path):
    model = own(tmp_path)
    assert parse_model(tomllib.loads(VALID), "own").digest == model.digest
    assert model.with_switches({}) == model
    assert len({model, model.with_switches({})}) == 1
