"""Simulating the demo company: the same rows from the same arguments, in batches of bounded size."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from lifecycle.simulate import SCHEMAS, simulate

AS_OF = datetime(2026, 3, 10, 15)
WHOLE_COMPANY = ("spend", "targets", "benchmarks", "traffic")


def whole(batches: list[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    return {name: pa.concat_tables([batch[name] for batch in batches]).combine_chunks() for name in SCHEMAS}


def test_rows_depend_on_contacts_seed_and_as_of_but_not_on_the_batch() -> None:
    one = list(simulate(25_000, 3, as_of=AS_OF, batch=25_000))
    several = list(simulate(25_000, 3, as_of=AS_OF, batch=9_000))
    assert [batch["contacts"].num_rows for batch in several] == [10_000, 10_000, 5_000]
    assert whole(one) == whole(several)
    assert whole(one)["stage_events"] != whole(list(simulate(25_000, 4, as_of=AS_OF)))["stage_events"]
    later = AS_OF + timedelta(days=1)
    assert whole(one)["stage_events"] != whole(list(simulate(25_000, 3, as_of=later)))["stage_events"]


def test_an_as_of_with_a_zone_is_the_same_instant() -> None:
    [naive] = simulate(500, as_of=AS_OF)
    [aware] = simulate(500, as_of=AS_OF.replace(tzinfo=UTC))
    assert naive == aware


def test_every_batch_has_every_table_and_the_small_ones_come_once() -> None:
    batches = list(simulate(20_000, as_of=AS_OF, batch=10_000))
    for batch in batches:
        assert {name: table.schema for name, table in batch.items()} == SCHEMAS
    assert {name for name, table in batches[1].items() if not table.num_rows} == set(WHOLE_COMPANY)


@pytest.mark.parametrize("size", [1, 2, 10, 300])
def test_a_tiny_company_is_still_a_company(size: int) -> None:
    [tables] = simulate(size, as_of=AS_OF)
    assert tables["contacts"].num_rows == size
    assert tables["stage_events"].num_rows > size


@pytest.mark.parametrize("wrong", [{"contacts": 0}, {"batch": 0}, {"seed": -1}])
def test_impossible_arguments_are_named(wrong: dict[str, int]) -> None:
    [name] = wrong
    with pytest.raises(ValueError, match=f"{name}="):
        simulate(**{"contacts": 10, **wrong}, as_of=AS_OF)
