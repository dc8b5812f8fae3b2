"""Who the customer is: orders and subscriptions by the entity that moves, and customers with their segments.

The customer is the model's entity, in a model of deals their contact. A segment value is the one of the customer's
first journey, as everywhere; customers without a journey have none.
"""

from __future__ import annotations

import sqlalchemy as sa

from lifecycle.scope import Scope
from queries.belonging import accounts, first_contacts, folded
from queries.catalog import value_of
from queries.contract import CONTRACT, Source
from queries.dialect import filled
from queries.errors import WarehouseError
from queries.modelled import Modelled


def required(m: Modelled, name: str) -> Source:
    """A contract table. Raises WarehouseError("missing_table") that says which columns it has and how to load it."""
    source = m.sources.get(name)
    if source is None:
        spec = CONTRACT[name]
        optional = [c for c in spec.columns if c not in spec.required]
        raise WarehouseError(
            "missing_table",
            f"The table {name} is not in the warehouse (it needs {', '.join(spec.required)}).",
            f"Load it (lifecycle load --{name.replace('_', '-')} FILE; it may also have {', '.join(optional)}) "
            "or map yours in lifecycle.toml.",
        )
    return source


def orders(m: Modelled, scope: Scope) -> sa.Subquery:
    """Orders by as_of: customer_id, at, amount, margin (null where unknown). Raises as `required` does."""
    source = required(m, "orders")
    values = {"at": source["ordered_at"], "amount": source["amount"], "margin": source["margin"]}
    return belonging(m, source, source["ordered_at"] <= scope.as_of, **values)


def subscriptions(m: Modelled, scope: Scope) -> sa.Subquery:
    """Subscriptions begun by as_of: customer_id, started_at, ended_at, mrr. An end after as_of has not happened: null.

    Raises as `required` does.
    """
    source = required(m, "subscriptions")
    ended = sa.case((source["ended_at"] <= scope.as_of, source["ended_at"]))
    values = {"started_at": source["started_at"], "ended_at": ended, "mrr": source["mrr"]}
    return belonging(m, source, source["started_at"] <= scope.as_of, **values)


def belonging(m: Modelled, source: Source, *where: sa.ColumnElement[bool], **values: sa.ColumnElement) -> sa.Subquery:
    """`values` of the rows of a source, customer_id, whose they are, and contact_id; rows of nobody are left out.

    Merged contacts count for the surviving one. Where accounts move, a row is its account's, else its contact's
    account's, else its contact's; else a row is its contact's, else its account's first contact's.
    """
    contact = filled(source["contact_id"])
    told = "account_id" in source.spec.columns and source.has("account_id")
    account = filled(source["account_id"]) if told else None
    named = [value.label(name) for name, value in values.items()]
    columns = [contact.label("contact_id"), *([account.label("account_id")] if account is not None else []), *named]
    rows = folded(m, sa.select(*columns).select_from(source.table).where(*where), "contact_id")
    joined, who = _owner(m, rows)
    c = (
        sa.select(who.label("customer_id"), *(rows.c[name] for name in ("contact_id", *values)))
        .select_from(joined)
        .subquery("owned")
        .c
    )
    return sa.select(*c).where(c.customer_id.is_not(None)).subquery(source.spec.name)


def _owner(m: Modelled, rows: sa.Subquery) -> tuple[sa.FromClause, sa.ColumnElement]:
    contacts, c = m.sources.get("contacts"), rows.c
    known = contacts is not None and contacts.has("account_id")
    if m.model.entity == "account":
        who = [c.account_id] if "account_id" in c else []
        if known and contacts is not None:
            homes = accounts(contacts)
            return rows.outerjoin(homes, homes.c.contact_id == c.contact_id), sa.func.coalesce(
                *who, homes.c.account_id, c.contact_id
            )
        return rows, sa.func.coalesce(*who, c.contact_id)
    if "account_id" not in c or not known or contacts is None:
        return rows, c.contact_id
    alone = sa.select(c.account_id).where(c.contact_id.is_(None))
    first = first_contacts(m, contacts, alone)
    own = sa.and_(first.c.account_id == c.account_id, c.contact_id.is_(None))
    return rows.outerjoin(first, own), sa.func.coalesce(c.contact_id, first.c.contact_id)


def segmented(m: Modelled, scope: Scope, customers: sa.FromClause) -> sa.Subquery:
    """`customers` (rows with customer_id) that match the filters, with the column `segment` of the breakdown.

    Without filters and breakdown nothing is joined: every customer is in, whatever is known of them.
    """
    if not scope.filters and not scope.by:
        return sa.select(customers, m.segment_column(m.journeys, scope).label("segment")).subquery("segmented")
    those = known(m)
    joined = customers.outerjoin(those, those.c.entity_id == customers.c.customer_id)
    segment = m.segment_column(those, scope).label("segment")
    where = m.filtered(those, scope.filters)
    return sa.select(customers, segment).select_from(joined).where(*where).subquery("segmented")


def known(m: Modelled) -> sa.FromClause:
    """entity_id and segments of every customer, once."""
    j, contacts = m.journeys.c, m.sources.get("contacts")
    if m.model.entity == "deal" and contacts is not None:  # whose journeys are not the customer's
        entity, values = contacts["contact_id"], [value_of(contacts, s).label(s.column) for s in m.catalog.segments]
        order = contacts["created_at"].asc().nulls_last()
        nth = sa.func.row_number().over(partition_by=entity, order_by=order).label("nth")
        rows = sa.select(entity.label("entity_id"), *values, nth).subquery("rows")
        return sa.select(rows).where(rows.c.nth == 1).subquery("known")
    segments = [j[s.column] for s in m.catalog.segments]
    return sa.select(j.entity_id, *segments).where(j.journey == 1).subquery("known")
