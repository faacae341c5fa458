use prokura_model::{AuthzenMapping, did_you_mean};

use super::{Draft, within};
use crate::{
    WriteError,
    limits::{AUTHZEN_NAME_BYTES_MAX, AUTHZEN_NAMES_MAX},
};

impl Draft<'_> {
    /// A mapping to what the schema does not declare would be a rule that never applies, and most likely a misspelling.
    pub(super) fn authzen_mapping_set(&self, mapping: &AuthzenMapping) -> Result<(), WriteError> {
        if mapping.is_empty() {
            return Ok(());
        }
        within("names in an AuthZEN mapping", AUTHZEN_NAMES_MAX, mapping.len())?;
        mapping.names().try_for_each(|(what, name)| check_name(what, name))?;
        for (name, kind) in &mapping.types {
            self.known_type(kind, || place("type", name))?;
        }
        for (name, object) in &mapping.resources {
            self.known_type(&object.kind, || place("resource type", name))?;
        }
        let definitions = self.schema()?.definitions();
        for (name, permission) in &mapping.actions {
            if definitions.values().any(|definition| definition.members.contains_key(permission)) {
                continue;
            }
            let declared = definitions.values().flat_map(|definition| definition.members.keys());
            let help = did_you_mean(permission.as_str(), declared.map(|name| name.as_str()));
            let help = help.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            return Err(WriteError::ValueInvalid {
                place: place("action", name),
                detail: format!("no type has a permission or relation `{permission}`{help}"),
            });
        }
        Ok(())
    }
}

fn check_name(what: &str, name: &str) -> Result<(), WriteError> {
    within("bytes of a name in an AuthZEN mapping", AUTHZEN_NAME_BYTES_MAX, name.len())?;
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(WriteError::ValueInvalid {
            place: place(what, name),
            detail: "a name is not empty and has no control characters".to_owned(),
        });
    }
    Ok(())
}

fn place(what: &str, name: &str) -> String {
    format!("{what} {name:?} of the AuthZEN mapping")
}
