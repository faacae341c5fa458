/// A stack whose first elements need no memory of their own.
pub(crate) struct Inline<T, const N: usize> {
    first: [Option<T>; N],
    rest: Vec<T>,
    len: usize,
}

impl<T, const N: usize> Default for Inline<T, N> {
    fn default() -> Self {
        Self { first: [const { None }; N], rest: Vec::new(), len: 0 }
    }
}

impl<T, const N: usize> Inline<T, N> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, value: T) {
        match self.first.get_mut(self.len) {
            Some(slot) => *slot = Some(value),
            None => self.rest.push(value),
        }
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        self.len = last;
        match self.first.get_mut(last) {
            Some(slot) => slot.take(),
            None => self.rest.pop(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        match self.first.get(index) {
            Some(slot) => slot.as_ref(),
            None => self.rest.get(index - N),
        }
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut T> {
        let last = self.len.checked_sub(1)?;
        match self.first.get_mut(last) {
            Some(slot) => slot.as_mut(),
            None => self.rest.last_mut(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().map_while(Option::as_ref).chain(&self.rest)
    }
}
