//! Why a command could not do its work, as it is shown.

use std::fmt::Display;

use serde_json::{Value, json};

use crate::output::{COMMAND, DENY, FAINT, paint, remark};

/// Why a command could not do its work. Always exit code 2: a failure is neither an allow nor a deny.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: String,
    message: String,
    help: Option<String>,
    /// Drawn already, with the lines of the file it is about; printed instead of the message.
    drawn: Option<String>,
    details: Option<Value>,
}

impl Failure {
    /// A failure with a stable code and a sentence that says what is wrong.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self(Box::new(Parts { code, message, help: None, drawn: None, details: None }))
    }

    /// What the person can do about it; commands in backticks.
    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    #[must_use]
    pub(crate) fn drawn(mut self, drawn: String) -> Self {
        self.0.drawn = Some(drawn);
        self
    }

    #[must_use]
    pub(crate) fn details(mut self, details: Value) -> Self {
        self.0.details = Some(details);
        self
    }

    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// What a person is shown first.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> &str {
        self.0.drawn.as_deref().unwrap_or(&self.0.message)
    }

    /// As JSON tells it.
    pub(crate) fn as_json(&self) -> Value {
        let Parts { code, message, help, details, .. } = &*self.0;
        let mut error = json!({ "code": code, "message": message });
        if let Some(members) = error.as_object_mut() {
            members.extend(help.iter().map(|help| ("help".to_owned(), json!(help))));
            members.extend(details.iter().map(|details| ("details".to_owned(), details.clone())));
        }
        error
    }

    /// On standard error, as JSON or for a person.
    pub(crate) fn report(&self, as_json: bool) {
        if as_json {
            remark(json!({ "error": self.as_json() }));
            return;
        }
        let Parts { message, help, drawn, details, .. } = &*self.0;
        match drawn {
            Some(drawn) => remark(drawn),
            None => remark(format_args!("{} {}", paint(DENY, "error:"), message)),
        }
        let items = details.iter().filter_map(|details| details.get("items")).filter_map(Value::as_array).flatten();
        for item in items.filter_map(Value::as_str) {
            // Items begin with the name they are about; what the message names already is not said twice.
            let named = item.split('`').nth(1).is_some_and(|name| message.contains(name));
            if !named {
                remark(format_args!("  {} {item}", paint(FAINT, "·")));
            }
        }
        if let Some(help) = help {
            remark(format_args!("{} {}", paint(COMMAND, "help:"), help));
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}
