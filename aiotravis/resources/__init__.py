"""One file per Travis entity: its structs, its endpoints, its calls.

Every route, and the methods that use it:

| Route | Method |
|---|---|
| `GET /accounts` | `accounts.list` |
| `GET /jobs/{id}/annotations` | `annotations.list` |
| `POST /jobs/{id}/annotations` | `annotations.create` |
| `POST /auth/github` | `auth.github` |
| `GET /logout` | `auth.logout` |
| `GET /repos/{repo}/branches` | `branches.list` |
| `GET /repos/{repo}/branches/{branch}` | `branches.get` |
| `GET /branches` | `branches.many` |
| `GET /broadcasts` | `broadcasts.list` |
| `GET /builds/{id}` | `builds.get` |
| `GET /builds` | `builds.list`, `builds.many`, `builds.find` |
| `GET /builds` | `builds.find_all`, `builds.recent`, `builds.last_per_branch` |
| `POST /builds/{id}/cancel` | `builds.cancel` |
| `POST /builds/{id}/restart` | `builds.restart` |
| `GET /repos/{repo}/caches` | `caches.list` |
| `DELETE /repos/{repo}/caches` | `caches.delete` |
| `GET /config` | `config.get` |
| `GET /uptime` | `config.uptime` |
| `GET /settings/env_vars` | `env_vars.list` |
| `GET /settings/env_vars/{id}` | `env_vars.get` |
| `POST /settings/env_vars` | `env_vars.create`, `env_vars.set` |
| `PATCH /settings/env_vars/{id}` | `env_vars.update` |
| `DELETE /settings/env_vars/{id}` | `env_vars.delete` |
| `GET /hooks` | `hooks.list` |
| `PUT /hooks/{id}` | `hooks.enable`, `hooks.disable` |
| `GET /jobs/{id}` | `jobs.get` |
| `GET /jobs` | `jobs.many`, `jobs.list` |
| `POST /jobs/{id}/cancel` | `jobs.cancel` |
| `POST /jobs/{id}/restart` | `jobs.restart` |
| `POST /lint` | `lint.check` |
| `GET /jobs/{id}/log` | `logs.text`, `logs.get` |
| `GET /logs/{id}` | `logs.get_by_id` |
| `PATCH /jobs/{id}/log` | `logs.remove` |
| `GET /v3/job/{id}/log.txt` | `logs.stream_text` |
| `GET /v3/job/{id}/log_parts` | `logs.parts` |
| `GET /users/permissions` | `permissions.get` |
| `POST /pusher/auth` | `pusher_auth.sign` |
| `GET /repos/{repo}` | `repos.get` |
| `GET /repos` | `repos.list`, `repos.many` |
| `GET /repos/{repo}.svg` | `repos.badge` |
| `GET /repos/{repo}/cc.xml` | `repos.cc_xml` |
| `POST /v3/repo/{repo}/activate` | `repos.activate` |
| `POST /v3/repo/{repo}/deactivate` | `repos.deactivate` |
| `GET /repos/{repo}/key` | `repository_keys.get` |
| `POST /repos/{repo}/key` | `repository_keys.regenerate` |
| `GET /requests/{id}` | `requests.get` |
| `GET /requests` | `requests.list` |
| `POST /v3/repo/{repo}/requests` | `requests.create` |
| `GET /v3/repo/{repo}/request/{id}` | `requests.status` |
| `GET /repos/{id}/settings` | `settings.get` |
| `PATCH /repos/{id}/settings` | `settings.update` |
| `GET /settings/ssh_key/{id}` | `ssh_keys.get` |
| `PATCH /settings/ssh_key/{id}` | `ssh_keys.update` |
| `DELETE /settings/ssh_key/{id}` | `ssh_keys.delete` |
| `GET /users` | `users.me` |
| `PUT /users/{id}` | `users.update` |
| `POST /users/sync` | `users.sync` |
"""
