//! The answer of `/errors` as JSON.

use serde_json::{Value, json};

use super::{FORMAT, Query, rate};
use crate::{
    admin::{identity::Identity, time},
    recorder::{ErrorGroup, ErrorPlace, ErrorsView},
};

/// Returns the groups, the one that occurred last first.
pub(super) fn list(identity: &Identity<'_>, errors: &ErrorsView, query: Query) -> Value {
    let now = time::now();
    let mut answer = identity.json(FORMAT);
    answer["since"] = time::date(errors.started).into();
    answer["last_process_is_known"] = errors.knows_last_process().into();
    let groups = errors.groups.iter();
    let groups = groups.filter(|group| query.lists(errors, group));
    answer["errors"] = groups
        .map(|group| {
            let mut value = group_json(group);
            value["rate_per_second"] = rate(group, now).into();
            value["is_new"] = errors.is_new(group).into();
            value["version"] = identity.version.into();
            value["revision"] = identity.revision.into();
            value
        })
        .collect();
    answer["removed_groups"] = errors.removed.into();
    answer
}

fn group_json(group: &ErrorGroup) -> Value {
    let mut value = json!({
        "fingerprint": format!("{:016x}", group.fingerprint),
        "place": group.place.without_root(),
        "root": group.place.root(),
        "type": (!group.error_type.is_empty()).then_some(&*group.error_type),
        "count": group.count,
        "first_seen": time::date(group.first_seen),
        "last_seen": time::date(group.last_seen),
        "trace_id": group.trace_id.map(|id| id.to_string()),
        "example": group.example,
    });
    if let ErrorPlace::Code { target, .. } = &group.place {
        value["target"] = (**target).into();
    }
    value
}
