package route

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/configs"
)

// compileRoute compiles the route at index i. The loader has checked it already
// and knows the lines; this check is the one that the engine relies on.
func compileRoute(i int, c *configs.Route, clusters map[string]int) (*Route, error) {
	r := &Route{
		Index: i, Name: c.Name, Cluster: -1,
		ResponseTimeout: c.Timeouts.Response.Nanoseconds(),
		ResponseIdle:    c.Timeouts.ResponseIdle.Nanoseconds(),
		TunnelIdle:      c.Timeouts.TunnelIdle.Nanoseconds(),
	}
	if r.Name == "" {
		r.Name = defaultName(c)
	}
	fail := func(key string, err error) (*Route, error) {
		return nil, fmt.Errorf("route %q (routes[%d]): %s: %w", r.Name, i, key, err)
	}
	var err error
	if r.host, r.wildcard, err = parseHost(c.Host); err != nil {
		return fail("host", err)
	}
	if r.path, err = compilePath(c); err != nil {
		return fail("path", err)
	}
	if r.conds, err = compileConditions(c); err != nil {
		return fail("conditions", err)
	}
	if err = r.compileAction(c, clusters); err != nil {
		return fail("action", err)
	}
	if err = r.compileRewrite(c.Rewrite); err != nil {
		return fail("rewrite", err)
	}
	if r.RequestHeaders, err = compileHeaders(c.RequestHeaders); err != nil {
		return fail("request_headers", err)
	}
	if r.ResponseHeaders, err = compileHeaders(c.ResponseHeaders); err != nil {
		return fail("response_headers", err)
	}
	r.compileHTTPS(c)
	return r, nil
}

func defaultName(c *configs.Route) string {
	host := c.Host
	if host == "" {
		host = "*"
	}
	switch {
	case c.Prefix != "":
		return host + strings.TrimRight(c.Prefix, "/") + "/*"
	case c.Regex != "":
		return host + " ~" + c.Regex
	}
	return host + c.Path
}

func compilePath(c *configs.Route) (m pathMatch, err error) {
	given := 0
	for _, s := range []string{c.Path, c.Prefix, c.Regex} {
		if s != "" {
			given++
		}
	}
	text := ""
	switch {
	case given > 1:
		return m, errors.New("give one of path, prefix and regex")
	case c.Regex != "":
		m.kind, m.text = pathRegex, c.Regex
		m.regex, err = compileAnchored(c.Regex)
		return m, err
	case c.Path != "":
		m.kind, text = pathExact, c.Path
	case c.Prefix != "":
		m.kind, text = pathPrefix, c.Prefix
	default:
		m.kind = pathAny
		return m, nil
	}
	if text, err = canonicalText(text); err != nil {
		return m, err
	}
	form, _ := matchForm(nil, []byte(text))
	m.text = string(form)
	if m.kind == pathPrefix && m.text == "/" {
		// It takes every path, as no path does; regexes beside it keep a chance.
		m.kind = pathAny
	}
	m.segments = strings.Count(strings.Trim(m.text, "/"), "/")
	if m.text != "/" {
		m.segments++
	}
	return m, nil
}

var redirectStatuses = []int{301, 302, 303, 307, 308}

func (r *Route) compileAction(c *configs.Route, clusters map[string]int) error {
	given := 0
	for _, is := range []bool{c.Cluster != "", c.Redirect != nil, c.Respond != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("give one of cluster, redirect and respond")
	case c.Redirect != nil:
		return r.compileRedirect(c.Redirect)
	case c.Respond != nil:
		if c.Respond.Status < 200 || c.Respond.Status > 599 {
			return fmt.Errorf("respond.status %d is not from 200 to 599", c.Respond.Status)
		}
		if len(appendFiltered(nil, c.Respond.Type)) != len(c.Respond.Type) {
			return fmt.Errorf("respond.type %q holds control bytes", c.Respond.Type)
		}
		r.Action, r.Status = ActionRespond, c.Respond.Status
		r.Body, r.ContentType = []byte(c.Respond.Body), c.Respond.Type
		return nil
	}
	index, ok := clusters[c.Cluster]
	if !ok {
		return fmt.Errorf("there is no cluster %q", c.Cluster)
	}
	r.Action, r.Cluster, r.ClusterName = ActionCluster, index, c.Cluster
	return nil
}

func (r *Route) compileRedirect(c *configs.Redirect) (err error) {
	if !slices.Contains(redirectStatuses, c.Status) {
		return fmt.Errorf("redirect.status %d is not 301, 302, 303, 307 or 308", c.Status)
	}
	var groups []string
	if r.path.regex != nil {
		groups = r.path.regex.SubexpNames()
	}
	r.Action, r.Status = ActionRedirect, c.Status
	if r.location, err = parseTemplate(c.To, configs.RedirectVars, groups); err != nil {
		return err
	}
	return checkLocation(r.location)
}
