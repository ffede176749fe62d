"""Every name that rules may use in a whole house, facts included."""

from care.segments.facts import fact_field
from care.segments.fields import STANDARD_FIELDS
from care.surveys.wiring import rule_facts

ALL_FIELDS = STANDARD_FIELDS.with_facts(fact_field(fact) for fact in rule_facts("Asia/Shanghai").values())
