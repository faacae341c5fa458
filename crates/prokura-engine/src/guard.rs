use papaya::LocalGuard;

use crate::pins::Pin;

/// What a reader holds while it reads, so that nothing it has seen goes away under it.
pub(crate) struct Guard<'i> {
    /// Of the maps.
    pub(crate) maps: LocalGuard<'i>,
    /// Of the objects' names and lists.
    pub(crate) pin: Pin<'i>,
}
