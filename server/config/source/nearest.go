package source

import "strings"

// Nearest returns the word among known that word is most likely meant to be: the one with the least number of letters to
// insert, delete, replace or swap with their neighbours, case apart. It is empty if that is more than a third of the letters.
func Nearest(word string, known []string) string {
	if len(word) > longest {
		return ""
	}
	best, least := "", len(word)/3+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// longest is the longest word that is looked at: more is no misspelling.
const longest = 128

// distance is how many letters have to be inserted, deleted, replaced or swapped (Damerau's, restricted).
func distance(a, b string) int {
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			next[j] = min(last[j]+1, next[j-1]+1, last[j-1]+differ(a[i-1], b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}

func differ(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
