package configs

import "strings"

// nearest is the candidate that word was most likely meant to be, or "". Case and
// "-" for "_" do not count; two slips are forgiven in a word of four letters or
// more, one in a shorter one. The first of equally near candidates wins.
func nearest(word string, candidates []string) string {
	const longest = 64 // beyond it nothing is a typing slip, and distance is quadratic
	if word == "" || len(word) > longest {
		return ""
	}
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	allowed := 2
	if len(word) < 4 {
		allowed = 1
	}
	best, least := "", allowed+1
	for _, c := range candidates {
		if c == "" || len(c) > longest {
			continue
		}
		if d := distance(fold(word), fold(c)); d < least && d < len(c) {
			best, least = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment, bytes).
func distance(a, b string) int {
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(one[j]+1, cur[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], two[j-2]+1)
			}
		}
		two, one, cur = one, cur, two
	}
	return one[len(b)]
}
