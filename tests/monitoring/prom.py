"""Asks a Prometheus: prom.py URL value EXPR | firing | dashboard FILE

value: the number of series that EXPR gives, and the first value. firing: a line per firing alert: its name and labels.
dashboard: runs every query of a Grafana dashboard; prints those that fail or return nothing, and exits with 1 if any does.
"""
import json
import sys
import urllib.parse
import urllib.request


def get(path, **parameters):
    url = sys.argv[1] + path + "?" + urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]


def value(expression):
    result = get("/api/v1/query", query=expression)["result"]
    print(len(result), result[0]["value"][1] if result else "-")


def firing():
    for alert in get("/api/v1/alerts")["alerts"]:
        if alert["state"] == "firing":
            labels = alert["labels"]
            print(labels.pop("alertname"), *(f"{k}={v}" for k, v in sorted(labels.items())))


def dashboard(path):
    with open(path) as file:
        panels = json.load(file)["panels"]
    bad = count = 0
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "5s").replace("$run", ".*").replace("$job", ".*")
            assert "$" not in expression, expression
            count += 1
            try:
                empty = not get("/api/v1/query", query=expression)["result"]
            except OSError as error:
                print(error)
                empty = True
            if empty:
                bad += 1
                print(f"{panel['title']}: nothing from {expression}")
    print(f"{count} queries")
    sys.exit(bad > 0)


{"value": value, "firing": firing, "dashboard": dashboard}[sys.argv[2]](*sys.argv[3:])
