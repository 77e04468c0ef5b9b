"""SQLAlchemy tables, one module per aggregate. Knows no rules: those are in `domain` and `services`."""

from .audit import AuditCheckpoint, AuditEvent, AuditPayload
from .bulk import BulkAction, BulkItem
from .cases import CaseComment, CaseEvidence, CasePause, ExceptionCase
from .causes import CatalogAddition
from .configuration import ConfigSnapshot
from .deliveries import Attempt, Delivery, RetryBatch, SystemGate
from .inbox import InboxEvent, InboxNewest
from .notices import Mail, Notice
from .people import EVERYTHING, ApiToken, Role, UnknownSignIn, User, UserEntity, UserQueue
from .runs import CheckRun, FeedChange, FeedFields, FeedState, Reject, SyncRun, SystemAllowance
from .search import SearchDue
from .storms import Storm
from .tally import CaseTally, CaseTallyDelta
from .tasks import Task
from .types import UtcDateTime
from .views import ListedReference, QueueLayout, ReferenceList, SavedView
from .watching import CaseHandBack, CaseWatch

__all__ = [
    "EVERYTHING", "ApiToken", "Attempt", "AuditCheckpoint", "AuditEvent", "AuditPayload", "BulkAction",
    "BulkItem", "CaseComment", "CaseEvidence", "CaseHandBack", "CasePause", "CaseTally",
    "CaseTallyDelta", "CaseWatch", "CatalogAddition", "CheckRun", "ConfigSnapshot", "Delivery",
    "ExceptionCase", "FeedChange", "FeedFields", "FeedState", "InboxEvent", "InboxNewest", "ListedReference", "Mail",
    "Notice",
    "QueueLayout", "ReferenceList", "Reject", "RetryBatch", "Role", "SavedView", "SearchDue", "Storm",
    "SyncRun", "SystemAllowance", "SystemGate", "Task", "UnknownSignIn", "User", "UserEntity", "UserQueue",
    "UtcDateTime",
]  # fmt: skip
