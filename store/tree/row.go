package tree

// width is the number of kids in a part of a row.
const width = 8

// row is the kids of a branch, in parts: a change of one kid copies the part that it is in and the pointers to the parts,
// not the pointers to all kids. Parts never change and are shared by all copies of the branch.
type row[T any] struct {
	parts [(maxBranch + width) / width]*[width]*T
}

// rowOf returns the row of at most maxBranch+1 kids.
func rowOf[T any](kids []*T) (r row[T]) {
	for i, kid := range kids {
		if i%width == 0 {
			r.parts[i/width] = new([width]*T)
		}
		r.parts[i/width][i%width] = kid
	}
	return r
}

// at returns kid i.
func (r *row[T]) at(i int) *T { return r.parts[i/width][i%width] }

// put replaces kid i.
func (r *row[T]) put(i int, kid *T) {
	part := *r.parts[i/width]
	part[i%width] = kid
	r.parts[i/width] = &part
}

// all returns the n kids.
func (r *row[T]) all(n int) []*T {
	kids := make([]*T, n)
	for i := range kids {
		kids[i] = r.at(i)
	}
	return kids
}

// insert makes kid the one at i of then n.
func (r *row[T]) insert(i, n int, kid *T) {
	for p := i / width; p <= (n-1)/width; p++ {
		part := new([width]*T)
		if r.parts[p] != nil {
			*part = *r.parts[p]
		}
		r.parts[p] = part
	}
	for j := n - 1; j > i; j-- {
		r.parts[j/width][j%width] = r.at(j - 1)
	}
	r.parts[i/width][i%width] = kid
}
