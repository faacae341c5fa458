use std::{fmt, str::FromStr};

use prokura_model::{DelegationId, EndorsementId, ObjectRef, TaskId};

/// Something that somebody may do with tasks, links and endorsements, or may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make them in the name of this one.
    Create(ObjectRef),
    /// See a task.
    SeeTask(TaskId),
    /// Complete or cancel it.
    CloseTask(TaskId),
    /// See a link.
    SeeLink(DelegationId),
    /// Revoke it.
    RevokeLink(DelegationId),
    /// See an endorsement.
    SeeEndorsement(EndorsementId),
    /// Revoke it.
    RevokeEndorsement(EndorsementId),
}

impl Act {
    /// The seeing of what it is about, if that is anything but somebody.
    #[must_use]
    pub fn seeing(&self) -> Option<Self> {
        match self {
            Self::Create(_) => None,
            Self::SeeTask(id) | Self::CloseTask(id) => Some(Self::SeeTask(id.clone())),
            Self::SeeLink(id) | Self::RevokeLink(id) => Some(Self::SeeLink(id.clone())),
            Self::SeeEndorsement(id) | Self::RevokeEndorsement(id) => Some(Self::SeeEndorsement(id.clone())),
        }
    }
}

/// Whether somebody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// They may.
    Yes,
    /// They may not.
    No,
    /// That cannot be decided; so they may not.
    Unsaid,
}

/// As scenarios write it: `revoke delegation d1`, `create for agent:coder`.
impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(whose) => write!(f, "create for {whose}"),
            Self::SeeTask(id) => write!(f, "see task {id}"),
            Self::CloseTask(id) => write!(f, "close task {id}"),
            Self::SeeLink(id) => write!(f, "see delegation {id}"),
            Self::RevokeLink(id) => write!(f, "revoke delegation {id}"),
            Self::SeeEndorsement(id) => write!(f, "see endorsement {id}"),
            Self::RevokeEndorsement(id) => write!(f, "revoke endorsement {id}"),
        }
    }
}

impl FromStr for Act {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let no = || format!("`{text}` is nothing that somebody may do, as in `revoke delegation d1`");
        let mut words = text.split(' ');
        let (Some(verb), Some(what), Some(name), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(no());
        };
        let task = || TaskId::new(name).ok_or_else(no);
        let link = || DelegationId::new(name).ok_or_else(no);
        let endorsement = || EndorsementId::new(name).ok_or_else(no);
        Ok(match (verb, what) {
            ("create", "for") => Self::Create(name.parse().map_err(|_| no())?),
            ("see", "task") => Self::SeeTask(task()?),
            ("close", "task") => Self::CloseTask(task()?),
            ("see", "delegation") => Self::SeeLink(link()?),
            ("revoke", "delegation") => Self::RevokeLink(link()?),
            ("see", "endorsement") => Self::SeeEndorsement(endorsement()?),
            ("revoke", "endorsement") => Self::RevokeEndorsement(endorsement()?),
            _ => return Err(no()),
        })
    }
}
