//! What can be asked for exists, can be granted for a time, and leads to what is asked for.

use std::collections::BTreeSet;

use super::Check;
use crate::{
    RelationName, TypeName,
    schema::{
        AccessAnswer, AccessItem, Definition, Expression, Member,
        syntax::{AccessClause, AccessNode, Path, PermissionNode},
        token::TokenId,
    },
};

impl Check<'_, '_> {
    pub(super) fn access(&mut self, nodes: &[&AccessNode]) {
        let schema = self.schema;
        let mut named = BTreeSet::new();
        for (item, node) in schema.access().iter().zip(nodes) {
            if !self.permissions_exist(&item.targets, &node.targets) {
                continue;
            }
            for ((kind, permission), node) in item.targets.iter().zip(&node.targets) {
                if named.contains(&(item.break_glass, kind, permission)) {
                    let message = format!("`{kind}#{permission}` can be asked for already, and an item before decides");
                    let help = "give the one before a `when`, or leave this one out";
                    self.access_problem(node.name, message, Some(help));
                }
                if item.when.is_none() {
                    named.insert((item.break_glass, kind, permission));
                }
            }
            for clause in &node.clauses {
                match &clause.says {
                    AccessClause::Ask(nodes) => self.asked(item, node, nodes),
                    AccessClause::Relation(id) => self.granted_relation(item, *id),
                    AccessClause::Ticket(Some(path)) => self.ticket_type(item, *path),
                    _ => {}
                }
            }
        }
    }

    /// The ticket's type is defined, and has attributes: without any, nobody could say that there is such a ticket.
    fn ticket_type(&mut self, item: &AccessItem, path: Path) {
        let Some(kind) = &item.ticket_type else { return };
        let span = self.tokens.span_of_path(path);
        match self.schema.find_definition(kind) {
            Err(unknown) => self.unknown(span, &unknown),
            Ok(definition) if definition.attributes.is_empty() => {
                let message =
                    format!("`{kind}` declares no attributes, so nobody could say that there is such a ticket");
                let help = "declare what the ticket system says of one, as in `attribute state string`".to_owned();
                self.problems.report(span, "access_invalid", message, Some(help));
            }
            Ok(_) => {}
        }
    }

    fn permissions_exist(&mut self, named: &[(TypeName, RelationName)], nodes: &[PermissionNode]) -> bool {
        let mut exist = true;
        for ((kind, name), node) in named.iter().zip(nodes) {
            if let Err(unknown) = self.schema.find_definition(kind) {
                self.unknown(self.tokens.span_of_path(node.path), &unknown);
                exist = false;
            } else if let Err(unknown) = self.schema.find_member(kind, name) {
                self.unknown(self.span(node.name), &unknown);
                exist = false;
            }
        }
        exist
    }

    /// One permission is asked on each type that can be asked for, and on no other.
    fn asked(&mut self, item: &AccessItem, node: &AccessNode, nodes: &[PermissionNode]) {
        let AccessAnswer::Ask(asked) = &item.answer else { return };
        if !self.permissions_exist(asked, nodes) {
            return;
        }
        let mut seen = BTreeSet::new();
        for ((kind, _), node) in asked.iter().zip(nodes) {
            if !seen.insert(kind) {
                let message = format!("two permissions are asked on `{kind}`");
                self.access_problem(node.name, message, Some("who answers has the one permission that is named"));
            } else if !item.targets.iter().any(|(on, _)| on == kind) {
                let message = format!("nothing on `{kind}` can be asked for here");
                self.access_problem(
                    node.path.first,
                    message,
                    Some("who answers has a permission on the same resource"),
                );
            }
        }
        if let Some(((kind, _), node)) = item.targets.iter().zip(&node.targets).find(|((on, _), _)| !seen.contains(on))
        {
            let message = format!("nobody is asked about `{kind}`");
            self.access_problem(node.path.first, message, Some("name a permission on each type after `ask`"));
        }
    }

    /// The relation can be written with an end, and who stands in it has what was asked for.
    fn granted_relation(&mut self, item: &AccessItem, id: TokenId) {
        let Some(name) = &item.relation else { return };
        for (kind, permission) in &item.targets {
            let found = match self.schema.find_member(kind, name) {
                Ok(found) => found,
                Err(unknown) => return self.unknown(self.span(id), &unknown),
            };
            let Member::Relation(relation) = found else {
                let message = format!("`{name}` is a permission of `{kind}`, and a grant is written to a relation");
                return self.access_problem(id, message, None);
            };
            if !relation.allowed.iter().any(|allowed| allowed.expires && allowed.caveat.is_none()) {
                let message = format!("relation `{kind}#{name}` allows nobody for a time");
                let help = "a grant ends by itself: allow a type `with expiration`";
                return self.access_problem(id, message, Some(help));
            }
            let Some(definition) = self.schema.definition(kind.as_str()) else { return };
            if !leads_to(definition, permission, name) {
                let message = format!("who stands in `{kind}#{name}` does not have `{permission}` by that");
                return self.access_problem(id, message, None);
            }
        }
    }

    fn access_problem(&mut self, at: TokenId, message: String, help: Option<&str>) {
        self.problems.report(self.span(at), "access_invalid", message, help.map(str::to_owned));
    }
}

/// Whether the relation is among what a permission of the same definition gives.
fn leads_to(definition: &Definition, permission: &RelationName, relation: &RelationName) -> bool {
    let (mut open, mut seen) = (vec![permission], BTreeSet::new());
    while let Some(name) = open.pop() {
        if name == relation {
            return true;
        }
        if !seen.insert(name) {
            continue;
        }
        if let Some(Member::Permission(permission)) = definition.member(name.as_str()) {
            gives(&permission.expression, &mut open);
        }
    }
    false
}

/// The members whose holders have what the expression gives. As deep as an expression is, which is bounded.
fn gives<'e>(expression: &'e Expression, found: &mut Vec<&'e RelationName>) {
    match expression {
        Expression::Member(name) => found.push(name),
        Expression::Union(operands) | Expression::Intersection(operands) => {
            operands.iter().for_each(|operand| gives(operand, found));
        }
        Expression::Exclusion(base, _) => gives(base, found),
        Expression::Arrow { .. } | Expression::Itself | Expression::Nil | Expression::Direct => {}
    }
}
