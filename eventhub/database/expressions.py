"""What an update through the ORM may write besides plain values."""

from pypika_tortoise import functions
from tortoise.expressions import Expression, ResolveContext, ResolveResult


class Now(Expression):
    """The time of the transaction, by the database's clock: `Event.filter(id=1).update(updated_at=Now())`."""

    def resolve(self, resolve_context: ResolveContext) -> ResolveResult:
        del resolve_context  # the same for every model
        return ResolveResult(term=functions.Now())
