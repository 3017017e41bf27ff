"""What the tables share: generated columns, indexes and constraints that Tortoise has no words for."""

from enum import StrEnum
from typing import Any

from tortoise import Model, fields
from tortoise.backends.base.schema_generator import BaseSchemaGenerator
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

__all__ = ["CheckConstraint", "GeneratedField", "SqlIndex", "one_of"]


class GeneratedField(fields.TextField):
    """A column that PostgreSQL computes from others of its row; never written by the application."""

    allows_generated = True

    def __init__(self, expression: str, *, sql_type: str = "TEXT", **options: Any) -> None:
        super().__init__(generated=True, **options)
        self.expression = expression
        self.sql_type = sql_type

    def get_for_dialect(self, dialect: str, key: str) -> Any:
        if key == "GENERATED_SQL":
            return f"GENERATED ALWAYS AS ({self.expression}) STORED"
        if key == "SQL_TYPE":
            return self.sql_type
        return super().get_for_dialect(dialect, key)


class SqlIndex(Index):
    """An index given by its own SQL: order, expressions, WHERE, UNIQUE."""

    def __init__(self, name: str, definition: str, *, unique: bool = False) -> None:
        super().__init__(fields=("id",), name=name)
        self.definition = definition
        self.unique = unique
        self.extra = definition

    def get_sql(self, schema_generator: BaseSchemaGenerator, model: type[Model], safe: bool) -> str:
        del schema_generator  # the SQL is given
        unique = "UNIQUE " if self.unique else ""
        if_not_exists = "IF NOT EXISTS " if safe else ""
        return f'CREATE {unique}INDEX {if_not_exists}"{self.name}" ON "{model._meta.db_table}" {self.definition};'  # noqa: SLF001 - as Tortoise's own indexes do


def one_of(column: str, values: type[StrEnum], name: str) -> CheckConstraint:
    """Return the constraint that `column` holds a value of the enum `values`."""
    allowed = ", ".join(f"'{value.value}'" for value in values)
    return CheckConstraint(check=f"{column} IN ({allowed})", name=name)
