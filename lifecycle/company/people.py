"""Who the contacts are: accounts, segments, and what makes one likelier to move on than the next."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lifecycle.company import parameters as p
from lifecycle.company.columns import DAY, HOUR, Array, choose, instants, keys, labels, table


@dataclass(frozen=True)
class People:
    """One block of contacts as parallel arrays; codes are positions in the names of `parameters`, -1 is null.

    `first` is the number of the first contact, instants are microseconds since 1970, `price` is what a company pays a
    month or a consumer an order.
    """

    first: int
    as_of: int
    created: Array
    account: Array
    source: Array
    campaign: Array
    region: Array
    industry: Array
    size: Array
    price_band: Array
    consumer: Array
    title: Array
    decides: Array
    budget: Array
    price: Array
    answers: Array
    owner: Array
    lead_score: Array
    flooded: Array
    marketing_pull: Array
    sales_pull: Array
    pace: Array

    def __len__(self) -> int:
        return len(self.created)

    def ids(self, who: Array) -> pa.Array:
        """contact_id of the given positions."""
        return keys("c", who + self.first)

    def account_ids(self, who: Array) -> pa.Array:
        """account_id of the given positions, null for those who stand alone."""
        account = self.account[who]
        return keys("a", np.where(account < 0, -1, account + self.first))


def day_weights(as_of: int) -> Array:
    """Relative number of new contacts per day of the three years, oldest first: growth, month and weekday."""
    days = np.datetime64(as_of, "us").astype("datetime64[D]") - np.arange(p.HISTORY_DAYS)[::-1]
    months = days.astype("datetime64[M]").astype(int) % 12
    weekdays = (days.astype(int) + 3) % 7  # 1970-01-01 was a Thursday
    growth = np.exp(p.GROWTH * np.linspace(0, 1, p.HISTORY_DAYS))
    return growth * np.take(p.MONTH_WEIGHTS, months) * np.take(p.WEEKDAY_WEIGHTS, weekdays)


def _moments(rng: np.random.Generator, as_of: int, size: int) -> Array:
    """Instants of creation: a day by its weight, an hour around midday, never after as_of."""
    day = choose(rng, day_weights(as_of), size)
    hours = rng.triangular(4, 13, 24, size)
    midnight = as_of - as_of % DAY
    moment = midnight - (p.HISTORY_DAYS - 1 - day) * DAY + (hours * HOUR).astype(np.int64)
    return np.where(moment > as_of, moment - 7 * DAY, moment)  # today's later hours: the same weekday before


def invent(rng: np.random.Generator, first: int, size: int, as_of: int) -> People:
    """Draw `size` contacts numbered from `first`."""
    # Accounts come first, since contacts of one account share what describes the company.
    class_share = [s.contact_share / s.contacts_per_account for s in p.SIZES]
    account_size = choose(rng, class_share, size)
    heads = 1 + rng.poisson(np.take([s.contacts_per_account - 1 for s in p.SIZES], account_size))
    account = np.repeat(np.arange(size), heads)[:size]
    of_account = {
        "region": choose(rng, p.REGION_SHARES, size)[account],
        "industry": choose(rng, p.INDUSTRY_SHARES, size)[account],
        "price_band": choose(rng, p.PRICE_BAND_SHARES, size)[account],
    }
    company_size = account_size[account]
    founded = _moments(rng, as_of, size)[account]
    colleague = np.concatenate([[False], account[1:] == account[:-1]])
    span = np.minimum(as_of - founded, 240 * DAY)
    created = founded + np.where(colleague, span * rng.random(size) ** 2, 0).astype(np.int64)

    # Consumers and the flood are drawn among what would be small companies, by the share of all that they are to be.
    small, of_small = company_size == 0, p.SIZES[0].contact_share
    consumer = small & (rng.random(size) < p.B2C_SHARE / of_small)
    alone = consumer | (rng.random(size) < 0.06)
    source = choose(rng, [s.share for s in p.SOURCES], size)
    age = (as_of - created) / DAY
    campaign = np.full(size, -1)
    for code, plan in enumerate(p.CAMPAIGNS):
        fits = (source == p.SOURCE_NAMES.index(plan.source)) & (age <= plan.begins) & (age > plan.ends)
        campaign[fits & (rng.random(size) < plan.share)] = code

    flooded = small & (rng.random(size) < p.FLOOD_SHARE / of_small)
    flood_age = rng.triangular(p.FLOOD.ends, (p.FLOOD.begins + p.FLOOD.ends) / 2, p.FLOOD.begins, size)
    created = np.where(flooded, as_of - (flood_age * DAY).astype(np.int64), created)
    source = np.where(flooded, p.SOURCE_NAMES.index(p.FLOOD.source), source)
    campaign = np.where(flooded, p.CAMPAIGNS.index(p.FLOOD), campaign)

    title = np.where(consumer, -1, choose(rng, p.TITLE_SHARES, size))
    decides = consumer | ((title >= 0) & (title < p.DECIDING_TITLES))
    typical = np.where(consumer, p.CONSUMER_BUDGET, np.take([s.budget for s in p.SIZES], company_size))
    budget = np.round(typical * rng.lognormal(0, 0.7, size), -1)
    usual_price = np.where(consumer, p.CONSUMER_ORDER, np.take([s.mrr for s in p.SIZES], company_size))
    price = usual_price * np.take(p.PRICE_FACTORS, of_account["price_band"]) * rng.lognormal(0, 0.35, size)
    answers = np.where(flooded, rng.integers(0, 3, size), choose(rng, p.ANSWER_SHARES, size))
    owner = choose(rng, [rep.share for rep in p.REPS], size)
    owner[rng.random(size) < p.UNOWNED_SHARE] = -1

    # What nobody recorded about a person (`latent`) moves the odds as well, and the lead score sees some of it.
    latent = rng.normal(0, 1, size)
    fit = np.exp(0.3 * latent) * np.take(p.ANSWER_PULLS, answers) * np.where(decides, 1.12, 0.94)
    fit *= np.take([s.pull for s in p.SIZES], company_size) * np.take(p.REGION_PULLS, of_account["region"])
    fit *= np.where(consumer, p.CONSUMER_PULL, 1)
    marketing_pull = np.sqrt(fit) * np.take([s.marketing_pull for s in p.SOURCES], source)
    by_rep = np.where(owner < 0, p.UNOWNED_PULL, np.take([rep.pull for rep in p.REPS], owner))
    sales_pull = fit * np.take([s.sales_pull for s in p.SOURCES], source) * by_rep
    score = np.clip(52 + 30 * np.log(fit) + rng.normal(0, 8, size) + 12 * flooded, 0, 100)
    return People(
        first=first,
        as_of=as_of,
        created=created,
        account=np.where(alone, -1, account),
        source=source,
        campaign=campaign,
        **of_account | {"industry": np.where(consumer, -1, of_account["industry"])},
        size=np.where(consumer, -1, company_size),
        consumer=consumer,
        title=title,
        decides=decides,
        budget=np.where(rng.random(size) < 0.3, np.nan, budget),
        price=price,
        answers=answers,
        owner=owner,
        lead_score=score.astype(np.int32),
        flooded=flooded,
        marketing_pull=np.where(flooded, p.FLOOD_MARKETING_PULL, marketing_pull),
        sales_pull=sales_pull * np.where(flooded, p.FLOOD_SALES_PULL, 1),
        pace=np.where(consumer, p.CONSUMER_PACE, np.take([s.pace for s in p.SIZES], company_size)),
    )


def contacts(people: People) -> pa.Table:
    """The contract's `contacts`."""
    who = np.arange(len(people))
    return table(
        "contacts",
        {
            "contact_id": people.ids(who),
            "account_id": people.account_ids(who),
            "created_at": instants(people.created),
            "name": keys("Testa Person ", who + people.first),
            "email": keys("person", who + people.first, "@example.com"),
            "title": labels(people.title, p.TITLES),
            "owner": labels(people.owner, p.REP_NAMES),
            "lead_score": people.lead_score,
            "source": labels(people.source, p.SOURCE_NAMES),
            "campaign": labels(people.campaign, p.CAMPAIGN_NAMES),
            "region": labels(people.region, p.REGIONS),
            "industry": labels(people.industry, p.INDUSTRIES),
            "company_size": labels(people.size, p.SIZE_NAMES),
            "price_band": labels(people.price_band, p.PRICE_BANDS),
            "business": labels(people.consumer.astype(int), p.BUSINESSES),
            "is_decision_maker": people.decides,
            "budget": pa.array(people.budget, mask=np.isnan(people.budget)),
            "qualifying_answers": people.answers,
        },
    )
