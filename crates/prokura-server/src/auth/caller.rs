//! What a caller may do with the API itself. This is not the decision about what an actor may do.

use std::sync::Arc;

use prokura::By;
use prokura_model::{
    Credential, DelegationId, Key, KeyRole, KeyScope, ObjectId, ObjectRef, SpokenFor, TenantName, Timestamp, TypeName,
};

use crate::error::Refusal;

/// Who is calling.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// The holder of an API key.
    Key(Arc<Key>),
    /// An actor, by its token.
    Token(Arc<TokenActor>),
}

/// What a verified token says that counts: who, and under which delegation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TokenActor {
    pub(crate) actor: ObjectRef,
    pub(crate) delegation: Option<DelegationId>,
    pub(crate) issuer: String,
    pub(crate) tenants: Arc<[String]>,
    /// When the issuer made the token out.
    pub(crate) issued_at: Timestamp,
}

impl Caller {
    /// The author of what this caller writes. No type of a schema can make one look like another: a token's author begins
    /// with `token:`, whoever its actor is.
    pub(crate) fn author(&self) -> String {
        match self {
            Self::Key(key) => format!("key:{}", key.id),
            Self::Token(token) => format!("token:{}:{}", token.issuer, token.actor),
        }
    }

    /// The enforcement point of the decisions this caller asks for.
    pub(crate) fn enforcement_point(&self) -> String {
        match self {
            Self::Key(key) => format!("key:{}", key.id),
            Self::Token(token) => format!("token:{}", token.issuer),
        }
    }

    /// How it was known: what guards read as `credential`.
    pub(crate) fn credential(&self) -> Credential {
        match self {
            Self::Key(_) => Credential { method: "api_key".to_owned(), authenticated_at: None },
            Self::Token(token) => Credential { method: "oidc".to_owned(), authenticated_at: Some(token.issued_at) },
        }
    }

    /// For a log line: never the object's id.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Key(key) => format!("key:{}", key.id),
            Self::Token(token) => format!("token:{}", token.actor.kind),
        }
    }

    /// The actor, if a token named one.
    pub(crate) fn token(&self) -> Option<&TokenActor> {
        match self {
            Self::Key(_) => None,
            Self::Token(token) => Some(token),
        }
    }

    /// Change anything in the tenant.
    pub(crate) fn may_write(&self, tenant: &str) -> Result<(), Refusal> {
        match self {
            Self::Key(key) if key.role == KeyRole::Admin && in_scope(key, tenant) => Ok(()),
            _ => Err(Refusal::forbidden("this takes an admin key for the tenant")),
        }
    }

    /// Read anything in the tenant.
    pub(crate) fn may_read(&self, tenant: &str) -> Result<(), Refusal> {
        match self {
            Self::Key(key) if matches!(key.role, KeyRole::Admin | KeyRole::Auditor) && in_scope(key, tenant) => Ok(()),
            _ => Err(Refusal::forbidden("this takes an admin or auditor key for the tenant")),
        }
    }

    /// Change tenants and keys.
    pub(crate) fn may_administer(&self) -> Result<(), Refusal> {
        match self {
            Self::Key(key) if key.role == KeyRole::Admin && key.scope == KeyScope::AllTenants => Ok(()),
            _ => Err(Refusal::forbidden("this takes an admin key for all tenants")),
        }
    }

    /// Read what is about all tenants.
    pub(crate) fn may_inspect(&self) -> Result<(), Refusal> {
        match self {
            Self::Key(key)
                if matches!(key.role, KeyRole::Admin | KeyRole::Auditor) && key.scope == KeyScope::AllTenants =>
            {
                Ok(())
            }
            _ => Err(Refusal::forbidden("this takes an admin or auditor key for all tenants")),
        }
    }

    /// Whether it may ask for decisions in the tenant.
    pub(crate) fn asks_in(&self, tenant: &str) -> bool {
        match self {
            Self::Key(key) => {
                matches!(key.role, KeyRole::Admin | KeyRole::EnforcementPoint(_)) && in_scope(key, tenant)
            }
            Self::Token(token) => token.is_for(tenant),
        }
    }

    /// Ask for decisions in the tenant, about someone.
    pub(crate) fn may_ask(&self, tenant: &str) -> Result<(), Refusal> {
        if self.asks_in(tenant) {
            return Ok(());
        }
        Err(Refusal::forbidden(
            "this takes an admin or enforcement point key for the tenant, or a token that is good for it",
        ))
    }

    /// Ask for decisions about this one.
    pub(crate) fn may_ask_about(&self, actor: &ObjectRef) -> Result<(), Refusal> {
        match self {
            Self::Key(key) => match &key.role {
                KeyRole::Admin => Ok(()),
                KeyRole::EnforcementPoint(spoken_for) if spoken_for.iter().any(|entry| entry.covers(actor)) => Ok(()),
                _ => Err(Refusal::forbidden(format!("this key may not speak for `{actor}`"))),
            },
            Self::Token(token) if token.actor == *actor => Ok(()),
            Self::Token(token) => Err(Refusal::forbidden(format!(
                "a token speaks for its own subject, `{}`, and for nobody else",
                token.actor
            ))),
        }
    }

    /// The objects of this type that it may ask about.
    pub(crate) fn asks_about(&self, kind: &TypeName) -> AskedAbout {
        match self {
            Self::Token(token) => AskedAbout::only([&token.actor], kind),
            Self::Key(key) => match &key.role {
                KeyRole::Admin => AskedAbout::All,
                KeyRole::Auditor => AskedAbout::Only(Vec::new()),
                KeyRole::EnforcementPoint(spoken_for) => {
                    let covers = |entry: &SpokenFor| match entry {
                        SpokenFor::Any => true,
                        SpokenFor::Type(found) => found == kind,
                        SpokenFor::Object(_) => false,
                    };
                    if spoken_for.iter().any(covers) {
                        return AskedAbout::All;
                    }
                    let objects = spoken_for.iter().filter_map(|entry| match entry {
                        SpokenFor::Object(object) => Some(object),
                        SpokenFor::Any | SpokenFor::Type(_) => None,
                    });
                    AskedAbout::only(objects, kind)
                }
            },
        }
    }

    /// Take part in tasks and delegations of the tenant: as an admin, or as oneself.
    pub(crate) fn may_take_part(&self, tenant: &str) -> Result<(), Refusal> {
        match self {
            Self::Token(token) if token.is_for(tenant) => Ok(()),
            _ => self.may_write(tenant).map_err(|_| {
                Refusal::forbidden("this takes an admin key for the tenant, or a token that is good for it")
            }),
        }
    }

    /// Read tasks and delegations of the tenant: all, or those one is part of.
    pub(crate) fn may_read_parts(&self, tenant: &str) -> Result<(), Refusal> {
        match self {
            Self::Token(token) if token.is_for(tenant) => Ok(()),
            _ => self.may_read(tenant).map_err(|_| {
                Refusal::forbidden("this takes an admin or auditor key for the tenant, or a token that is good for it")
            }),
        }
    }

    /// For whom it writes and reads, if it is no administrator: then the state says what it may.
    pub(crate) fn by(&self) -> Option<By> {
        let token = self.token()?;
        Some(By { principal: token.actor.clone(), credential: Some(self.credential()) })
    }

    /// Act for this one: an admin for anyone, a token for itself.
    pub(crate) fn may_act_for(&self, object: &ObjectRef) -> Result<(), Refusal> {
        match self {
            Self::Token(token) if token.actor != *object => Err(Refusal::forbidden(format!(
                "a token acts for its own subject, `{}`, and for nobody else",
                token.actor
            ))),
            _ => Ok(()),
        }
    }
}

/// Which objects of a type a caller may ask about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AskedAbout {
    /// Every one.
    All,
    /// These, ascending.
    Only(Vec<ObjectId>),
}

impl AskedAbout {
    fn only<'o>(objects: impl IntoIterator<Item = &'o ObjectRef>, kind: &TypeName) -> Self {
        let own = objects.into_iter().filter(|object| object.kind == *kind);
        let mut ids: Vec<ObjectId> = own.map(|object| object.id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        Self::Only(ids)
    }
}

impl TokenActor {
    fn is_for(&self, tenant: &str) -> bool {
        self.tenants.iter().any(|name| name == tenant)
    }
}

fn in_scope(key: &Key, tenant: &str) -> bool {
    match &key.scope {
        KeyScope::AllTenants => true,
        KeyScope::Tenant(name) => name.as_str() == tenant,
    }
}

/// The name, if it is one. A name that is not legal names no tenant.
pub(crate) fn tenant_named(text: &str) -> Result<TenantName, Refusal> {
    TenantName::new(text).map_err(|error| Refusal::not_found("tenant_unknown", error.to_string()))
}
