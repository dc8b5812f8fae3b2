"""Arrow schemas of the contract tables the demo company fills."""

import pyarrow as pa

INSTANT = pa.timestamp("us")  # naive, in UTC
DAY = pa.date32()
MONEY = pa.decimal128(18, 2)
TEXT = pa.string()
WHOLE = pa.int32()
NUMBER = pa.float64()
YES_NO = pa.bool_()

SCHEMAS: dict[str, pa.Schema] = {
    name: pa.schema(list(columns.items()))
    for name, columns in {
        "contacts": {
            "contact_id": TEXT,
            "account_id": TEXT,
            "created_at": INSTANT,
            "name": TEXT,
            "email": TEXT,
            "title": TEXT,
            "owner": TEXT,
            "lead_score": WHOLE,
            "source": TEXT,
            "campaign": TEXT,
            "region": TEXT,
            "industry": TEXT,
            "company_size": TEXT,
            "price_band": TEXT,
            "business": TEXT,
            "is_decision_maker": YES_NO,
            "budget": NUMBER,
            "qualifying_answers": WHOLE,
        },
        "stage_events": {
            "event_id": TEXT,
            "contact_id": TEXT,
            "stage": TEXT,
            "entered_at": INSTANT,
            "recorded_at": INSTANT,
            "reason": TEXT,
            "competitor": TEXT,
            "actor": TEXT,
            "lead_score": WHOLE,
        },
        "contact_history": {"contact_id": TEXT, "column": TEXT, "value": TEXT, "valid_from": INSTANT},
        "contact_merges": {"merged_id": TEXT, "surviving_id": TEXT},
        "activities": {"contact_id": TEXT, "kind": TEXT, "occurred_at": INSTANT, "actor": TEXT},
        "deals": {
            "deal_id": TEXT,
            "contact_id": TEXT,
            "account_id": TEXT,
            "created_at": INSTANT,
            "closed_at": INSTANT,
            "is_won": YES_NO,
            "amount": MONEY,
            "stage": TEXT,
            "owner": TEXT,
        },
        "deal_stage_events": {"deal_id": TEXT, "stage": TEXT, "entered_at": INSTANT, "amount": MONEY},
        "subscriptions": {
            "subscription_id": TEXT,
            "contact_id": TEXT,
            "account_id": TEXT,
            "started_at": INSTANT,
            "ended_at": INSTANT,
            "mrr": MONEY,
        },
        "orders": {
            "order_id": TEXT,
            "contact_id": TEXT,
            "account_id": TEXT,
            "ordered_at": INSTANT,
            "amount": MONEY,
            "margin": MONEY,
        },
        "surveys": {"contact_id": TEXT, "responded_at": INSTANT, "score": WHOLE, "kind": TEXT, "asked_at": INSTANT},
        "referrals": {"referrer_id": TEXT, "referred_id": TEXT, "referred_at": INSTANT},
        "spend": {"day": DAY, "source": TEXT, "campaign": TEXT, "amount": MONEY, "purpose": TEXT},
        "targets": {"month": DAY, "metric": TEXT, "value": NUMBER, "region": TEXT},
        "benchmarks": {"from_stage": TEXT, "to_stage": TEXT, "rate": NUMBER, "source": TEXT},
        "traffic": {"day": DAY, "source": TEXT, "strangers": pa.int64(), "visitors": pa.int64()},
    }.items()
}
