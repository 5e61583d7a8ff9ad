package tree

// GCPercent is the growth of the heap, in percent, at which a process that holds a tree best
// collects its garbage, as debug.SetGCPercent takes it: by measurement, see DESIGN.md.
const GCPercent = 150
