/// The nodes of a graph, those that lead to each other together, each group after all it leads to. Tarjan's way, with a
/// stack of its own, because the graph is as deep as a schema is long.
pub(super) fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search =
        Search { edges, marks: vec![Mark::default(); edges.len()], met: 0, open: Vec::new(), components: Vec::new() };
    for node in 0..edges.len() {
        if search.mark(node).number == 0 {
            search.from(node);
        }
    }
    search.components
}

#[derive(Clone, Copy, Default)]
struct Mark {
    /// In which order it was met, from 1.
    number: usize,
    /// The first met that it leads back to.
    low: usize,
    open: bool,
}

struct Search<'g> {
    edges: &'g [Vec<usize>],
    marks: Vec<Mark>,
    met: usize,
    /// Met, and not in a component yet.
    open: Vec<usize>,
    components: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn mark(&self, node: usize) -> Mark {
        self.marks.get(node).copied().unwrap_or_default()
    }

    fn meet(&mut self, node: usize) {
        self.met += 1;
        self.open.push(node);
        if let Some(mark) = self.marks.get_mut(node) {
            *mark = Mark { number: self.met, low: self.met, open: true };
        }
    }

    fn lower(&mut self, node: usize, low: usize) {
        if let Some(mark) = self.marks.get_mut(node) {
            mark.low = mark.low.min(low);
        }
    }

    fn from(&mut self, start: usize) {
        self.meet(start);
        let mut path = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let node = *node;
            let edge = self.edges.get(node).and_then(|edges| edges.get(*next)).copied();
            *next += 1;
            match edge.map(|to| (to, self.mark(to))) {
                Some((to, Mark { number: 0, .. })) => {
                    self.meet(to);
                    path.push((to, 0));
                }
                Some((_, mark)) if mark.open => self.lower(node, mark.number),
                Some(_) => {}
                None => {
                    path.pop();
                    let mark = self.mark(node);
                    if let Some((above, _)) = path.last() {
                        self.lower(*above, mark.low);
                    }
                    if mark.low == mark.number {
                        self.close(node);
                    }
                }
            }
        }
    }

    /// Everything met since this node is a component.
    fn close(&mut self, node: usize) {
        let mut component = Vec::new();
        while let Some(member) = self.open.pop() {
            if let Some(mark) = self.marks.get_mut(member) {
                mark.open = false;
            }
            component.push(member);
            if member == node {
                break;
            }
        }
        self.components.push(component);
    }
}
