use super::*;

fn differences(before: &str, after: &str) -> String {
    diff(&parsed(before), &parsed(after)).iter().map(|difference| format!("{difference}\n")).collect()
}

const BEFORE: &str = "use expiration
    // A person.
    definition user {}
    definition robot {}
    definition group { relation member: user; }
    definition document {
        // Who may read it.
        relation viewer: user | user with on_day | group#member
        relation owner: user
        relation editor: user
        relation swapped: user
        // Reading.
        permission view = viewer + owner
        permission edit = owner
        permission same = ((owner))
        permission gone = owner
    }
    // On a day.
    caveat on_day(day string, hour int, zone string) { day == 'monday' && hour > 5 && zone == 'utc' }
    caveat removed(day string) { day == 'monday' }
    caveat respelled(day string) { (day == 'monday') }";

const AFTER: &str = "use expiration
    /** Anybody. */
    definition user {}
    definition team {}
    definition group { relation member: user; }
    definition document {
        // Who may see it.
        relation viewer: user | group#member | user with expiration
        relation owner: user
        relation reader: user
        permission swapped = owner
        // Seeing.
        permission view = owner + viewer
        permission edit = owner - viewer
        permission same = owner
        permission more = owner
    }
    // On some day.
    caveat on_day(day string, hour uint, place string) { day == \"monday\" && hour > 6 && place == 'home' }
    caveat added(day string) { day == 'monday' }
    caveat respelled(day string) { day == \"monday\" }";

#[test]
fn every_kind_of_difference() {
    insta::assert_snapshot!(differences(BEFORE, AFTER), @r##"
permission `document#edit` is computed in another way
relation `document#editor` is gone
permission `document#gone` is gone
permission `document#more` is new
relation `document#reader` is new
relation `document#swapped` is gone
permission `document#swapped` is new
permission `document#view` has another comment
permission `document#view` is computed in another way
relation `document#viewer` has another comment
relation `document#viewer` does not allow `user with on_day` any more
relation `document#viewer` allows `user with expiration`
definition `robot` is gone
definition `team` is new
definition `user` has another comment
caveat `added` is new
caveat `on_day` has another comment
caveat `on_day` has another expression
parameter `hour` of caveat `on_day` is of type `uint`, and was `int`
caveat `on_day` has a new parameter `place`
caveat `on_day` has no parameter `zone` any more
caveat `removed` is gone
"##);
    insta::assert_snapshot!(differences(AFTER, BEFORE), @r##"
permission `document#edit` is computed in another way
relation `document#editor` is new
permission `document#gone` is new
permission `document#more` is gone
relation `document#reader` is gone
permission `document#swapped` is gone
relation `document#swapped` is new
permission `document#view` has another comment
permission `document#view` is computed in another way
relation `document#viewer` has another comment
relation `document#viewer` does not allow `user with expiration` any more
relation `document#viewer` allows `user with on_day`
definition `robot` is new
definition `team` is gone
definition `user` has another comment
caveat `added` is gone
caveat `on_day` has another comment
caveat `on_day` has another expression
parameter `hour` of caveat `on_day` is of type `int`, and was `uint`
caveat `on_day` has no parameter `place` any more
caveat `on_day` has a new parameter `zone`
caveat `removed` is new
"##);
    assert_eq!(differences(BEFORE, BEFORE), "");
    assert_eq!(differences(BEFORE, &format(BEFORE).unwrap()), "");
}
