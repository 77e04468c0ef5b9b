"""Which nodes of sqlglot's tree are allowed, what each becomes, what is said of others."""

from __future__ import annotations

from sqlglot import exp

COMPARE: dict[type[exp.Expression], str] = {
    exp.EQ: "eq", exp.NEQ: "ne", exp.LT: "lt", exp.LTE: "le", exp.GT: "gt", exp.GTE: "ge",
}  # fmt: skip
LOGIC: dict[type[exp.Expression], str] = {exp.And: "and", exp.Or: "or"}
SUMS: dict[type[exp.Expression], str] = {exp.Add: "add", exp.Sub: "sub"}
CALLS: dict[type[exp.Expression], tuple[str, tuple[str, ...]]] = {
    exp.Coalesce: ("coalesce", ("this", "expressions")),
    exp.Nullif: ("nullif", ("this", "expression")),
    exp.Least: ("least", ("this", "expressions")),
    exp.Greatest: ("greatest", ("this", "expressions")),
    exp.Abs: ("abs", ("this",)),
    exp.Upper: ("upper", ("this",)),
    exp.Lower: ("lower", ("this",)),
    exp.Trim: ("trim", ("this",)),
    exp.Replace: ("replace", ("this", "expression", "replacement")),
    exp.Substring: ("substring", ("this", "start", "length")),
    exp.Concat: ("concat", ("expressions",)),
    exp.Length: ("length", ("this",)),
    exp.Sum: ("sum", ("this",)),
    exp.Min: ("min", ("this", "expressions")),
    exp.Max: ("max", ("this", "expressions")),
    exp.LogicalOr: ("bool_or", ("this",)),
    exp.LogicalAnd: ("bool_and", ("this",)),
    exp.Split: ("split", ("this", "expression", "limit")),
    exp.Round: ("round", ("this", "decimals")),
    exp.Anonymous: ("", ("expressions",)),
}
CASTS = {
    exp.DType.TEXT: "text", exp.DType.VARCHAR: "text", exp.DType.INT: "integer", exp.DType.BIGINT: "integer",
    exp.DType.DECIMAL: "decimal", exp.DType.DATE: "date", exp.DType.TIMESTAMP: "timestamp",
    exp.DType.TIMESTAMPTZ: "timestamp", exp.DType.BOOLEAN: "boolean",
}  # fmt: skip
SAID = {
    exp.Div: "division; compare products instead: a > 0.02 * b",
    exp.IntDiv: "division; compare products instead",
    exp.Like: "LIKE; compare with =, or a SUBSTRING",
    exp.ILike: "LIKE; compare with =, or a SUBSTRING",
    exp.DPipe: "||; use concat(a, b)",
    exp.Avg: "avg; compare sums",
    exp.Window: "window functions",
    exp.Subquery: "subqueries",
    exp.Select: "queries",
    exp.Alias: "two expressions side by side; is a comma or an operator missing",
    exp.CurrentTimestamp: "CURRENT_TIMESTAMP; use now()",
    exp.CurrentDate: "CURRENT_DATE; use now()",
    exp.Interval: "intervals; use days_ago(n) or business_days_ago(n)",
    exp.Star: "*; only count(*)",
    exp.If: "IF; use CASE WHEN … THEN … ELSE … END",
    exp.TryCast: "TRY_CAST; CAST gives NULL for what does not fit",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM; compare with = and IS NULL",
    exp.NullSafeNEQ: "IS DISTINCT FROM; compare with <> and IS NULL",
    exp.Mod: "%, a division; compare products instead",
    exp.RegexpLike: "a regular expression; use matches(text, 'pattern')",
    exp.SimilarTo: "a regular expression; use matches(text, 'pattern')",
    exp.Any: "ANY; use IN with literals",
    exp.Exists: "subqueries",
    exp.AtTimeZone: "AT TIME ZONE; in a mapping, parse_timestamp(text, 'zone') reads local times",
    exp.SplitPart: "split_part; use split(text, separator, n)",
    exp.ConcatWs: "concat_ws; use concat(a, b)",
    exp.Tuple: "several values in brackets",
    exp.Placeholder: "parameters",
    exp.Parameter: "parameters",
}
_TWO = frozenset({"this", "expression"})
FORMS: dict[type[exp.Expression], frozenset[str]] = {
    **dict.fromkeys((*COMPARE, *LOGIC, *SUMS, exp.Mul, exp.Is), _TWO),
    **dict.fromkeys((exp.Neg, exp.Not, exp.Paren, exp.Boolean, exp.Null), frozenset({"this"})),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Column: frozenset({"this", "table", "db", "catalog"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Case: frozenset({"this", "ifs", "default"}),
    exp.Cast: frozenset({"this", "to", "format"}),
}
"""What may be said of a node; whatever else its text said would be passed over, so it is refused."""
QUIET = {"big_int", "safe", "coalesce", "ignore_nulls", "is_null", "_type"}
"""Arguments that sqlglot sets by itself and that say nothing about the text."""
