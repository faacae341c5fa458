use prokura_model::{Relationship, RelationshipFilter, Terms, Timestamp};

use crate::{
    EngineError, Page, Stored, View,
    limits::PAGE_RELATIONSHIPS_MAX,
    packed::{Node, Subject},
};

impl View<'_> {
    /// The relationships that the filter means and that are not over, at most `limit` of them (and at most
    /// [`PAGE_RELATIONSHIPS_MAX`]), in an order that stays the same as long as the index does, beginning after `after`.
    ///
    /// Made for reading everything: a page costs as much as what it passes over, and not as much as the whole graph. It
    /// passes over every object ever named, for each relation that was ever written to.
    ///
    /// # Errors
    /// The view's revision is no longer kept.
    pub fn export(
        &self,
        filter: &RelationshipFilter,
        after: Option<&Relationship>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, EngineError> {
        let limit = limit.clamp(1, PAGE_RELATIONSHIPS_MAX);
        let guard = self.index.guard();
        let names = &self.index.names;
        let kind = filter.resource_type.as_ref().map(|kind| names.kind(kind, &guard));
        let relation = filter.relation.as_ref().map(|relation| names.relation(relation, &guard));
        let begin = after.and_then(|after| {
            let node = names.node(&after.resource, &after.relation, &guard)?;
            Some((node, names.subject(&after.subject, &guard)?))
        });
        let mut page = Page::default();
        'objects: for object in begin.map_or(0, |(node, _)| node.object())..names.objects_len() {
            let Some(of) = names.objects.kind(object).filter(|of| kind.is_none_or(|kind| kind == Some(*of))) else {
                continue;
            };
            for (own, list) in names.objects.lists_from(object, &guard.pin) {
                if relation.is_some_and(|relation| relation != Some(own)) {
                    continue;
                }
                let node = Node::new(of, own, object);
                let from = match begin {
                    Some((begin, _)) if (object, node) < (begin.object(), begin) => continue,
                    Some((begin, subject)) if node == begin => subject.bits().saturating_add(1),
                    _ => 0,
                };
                let mut walk = list.walk_from(from);
                while let Some((key, birth)) = list.next(&mut walk, self.revision) {
                    let subject = Subject::from_bits(key);
                    let Some(relationship) = self.relationship(node, subject) else { continue };
                    let terms = self.index.terms_of(node, subject, birth, &guard).map(|terms| Terms::clone(terms));
                    let terms = terms.unwrap_or_default();
                    if terms.is_over(now) || !filter.matches(&relationship, &terms) {
                        continue;
                    }
                    if page.relationships.len() == limit {
                        page.next = page.relationships.last().map(|last| last.relationship.clone());
                        break 'objects;
                    }
                    page.relationships.push(Stored { relationship, terms, since: birth.revision() });
                }
            }
        }
        self.index.check_kept(self.revision)?;
        Ok(page)
    }
}
