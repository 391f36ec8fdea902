package report

import (
	"fmt"
	"strings"
)

// begin and end are where a table of that name stands.
func begin(name string) string { return "<!-- compare:" + name + ":begin -->" }
func end(name string) string   { return "<!-- compare:" + name + ":end -->" }

// Place puts each table between its markers in document, and returns the names of
// those that have no place there. A document whose markers are out of order is an
// error, and comes back as it was. What stands between the markers of other tables
// stays.
func Place(document string, tables []Table) (placed string, missing []string, err error) {
	placed = document
	for _, t := range tables {
		from, to := strings.Index(placed, begin(t.Name)), strings.Index(placed, end(t.Name))
		switch {
		case from < 0 && to < 0:
			missing = append(missing, t.Name)
			continue
		case from < 0 || to < from:
			return document, nil, fmt.Errorf("the markers of %s are out of order; write %s above %s", t.Name, begin(t.Name), end(t.Name))
		case strings.Count(placed, begin(t.Name)) > 1 || strings.Count(placed, end(t.Name)) > 1:
			return document, nil, fmt.Errorf("the markers of %s are there more than once", t.Name)
		}
		placed = placed[:from+len(begin(t.Name))] + "\n" + strings.TrimRight(t.Text, "\n") + "\n" + placed[to:]
	}
	return placed, missing, nil
}
