/** Generated from libs/errors/messages by npm run generate. Do not edit. */
import type { ErrorEntry } from '../entry.js';

export const errors = {
  'agent.no-model': {
    number: 701,
    status: 409,
    exit: 5,
    transient: false,
    title: 'Agent: no model',
    text: 'The device holds no model.',
    hint: 'Roll out a release to it.',
  },
  'agent.trial-resets': {
    number: 702,
    status: 422,
    exit: 1,
    transient: false,
    title: 'Agent: trial resets',
    text: 'The device was reset {count} times while it tried the model and went back to the old one.',
    hint: "Look at the reset cause in the device's history; the digest stays refused until it is released again.",
  },
  'agent.transfer-timeout': {
    number: 703,
    status: 503,
    exit: 7,
    transient: true,
    title: 'Agent: transfer timeout',
    text: 'The transfer made no progress for {seconds} s.',
    hint: 'The device continues where it stopped when the link is back.',
  },
  'agent.connection-refused': {
    number: 704,
    status: 503,
    exit: 7,
    transient: true,
    title: 'Agent: connection refused',
    text: 'The broker refused the connection.',
    hint: 'Check the token of the device; `npx tinyfleet device rotate NAME` replaces it.',
  },
  'agent.slot-corrupt': {
    number: 705,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Agent: slot corrupt',
    text: 'The active slot no longer matches its digest.',
    hint: 'The device fell back to its other slot. When it repeats, replace the device.',
  },
  'agent.busy': {
    number: 706,
    status: 409,
    exit: 5,
    transient: true,
    title: 'Agent: busy',
    text: 'The device is in another update.',
    hint: 'The newer release waits until this one is finished.',
  },
  'agent.ask-refused': {
    number: 707,
    status: 403,
    exit: 3,
    transient: false,
    title: 'Agent: ask refused',
    text: 'The command is not signed by a key the device trusts.',
    hint: 'Send commands through TinyFleet, which signs them.',
  },
  'agent.ask-replayed': {
    number: 708,
    status: 409,
    exit: 5,
    transient: false,
    title: 'Agent: ask replayed',
    text: "The command's counter {counter} was used before.",
    hint: 'Send the command again; it gets a new counter.',
  },
  'agent.command-unsupported': {
    number: 709,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Agent: command unsupported',
    text: 'The device does not know command {command}.',
    hint: 'Update the firmware.',
  },
  'agent.aborted': {
    number: 710,
    status: 409,
    exit: 1,
    transient: false,
    title: 'Agent: aborted',
    text: 'The update was aborted by an operator.',
    hint: 'Start another rollout when the reason is gone.',
  },
  'agent.reverted': {
    number: 711,
    status: 409,
    exit: 1,
    transient: false,
    title: 'Agent: reverted',
    text: 'The device was told to go back to its retained model.',
    hint: 'Nothing; this is what was asked for.',
  },
  'agent.retained-missing': {
    number: 712,
    status: 404,
    exit: 4,
    transient: false,
    title: 'Agent: retained missing',
    text: 'The device retains no older model to go back to.',
    hint: 'Roll out the older release.',
  },
  'agent.shadow-unavailable': {
    number: 713,
    status: 409,
    exit: 5,
    transient: false,
    title: 'Agent: shadow unavailable',
    text: 'No shadow run is possible on this device: it has no memory for one, runs no model, has a soak open, or its two models do not take the same inputs within its arena.',
    hint: 'Wait until a soak is over; else roll the release out without a shadow run. The detail of the state message, if any, is the arena in bytes that both would need.',
  },
  'agent.argument-invalid': {
    number: 714,
    status: 500,
    exit: 70,
    transient: false,
    title: 'Agent: argument invalid',
    text: 'An argument of an agent function is invalid.',
    hint: 'Check the call against fleet_agent.h.',
  },
  'agent.buffer-too-small': {
    number: 715,
    status: 500,
    exit: 70,
    transient: false,
    title: 'Agent: buffer too small',
    text: 'A buffer given to the agent is too small.',
    hint: 'Size the buffers as fleet_agent.h says.',
  },
  'agent.platform-invalid': {
    number: 716,
    status: 500,
    exit: 70,
    transient: false,
    title: 'Agent: platform invalid',
    text: 'The platform table lacks a function or declares something impossible.',
    hint: 'Fill every field that fleet_agent.h marks required.',
  },
  'agent.entropy-failed': {
    number: 717,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Agent: entropy failed',
    text: 'The platform gave no entropy.',
    hint: 'Check the random source of the port.',
  },
  'agent.health-failed': {
    number: 718,
    status: 422,
    exit: 1,
    transient: false,
    title: 'Agent: health failed',
    text: 'The new model did not become healthy within its soak time.',
    hint: 'Look at its telemetry and at the reset causes; the device went back to the old model.',
  },
  'agent.manifest-missing': {
    number: 719,
    status: 409,
    exit: 5,
    transient: false,
    title: 'Agent: manifest missing',
    text: 'The desired message has a transfer but no manifest.',
    hint: 'Sign the release; unsigned releases cannot be installed.',
  },
  'agent.battery-low': {
    number: 720,
    status: 409,
    exit: 5,
    transient: true,
    title: 'Agent: battery low',
    text: 'The battery is too low for an update.',
    hint: 'The device continues when it is charged.',
  },
  'agent.parameters-missing': {
    number: 721,
    status: 404,
    exit: 8,
    transient: false,
    title: 'Agent: parameters missing',
    text: 'The device has no parameter block.',
    hint: '`npx tinyfleet flash` writes one.',
  },
  'agent.parameters-invalid': {
    number: 722,
    status: 422,
    exit: 8,
    transient: false,
    title: 'Agent: parameters invalid',
    text: "The device's parameter block is damaged, or of another version.",
    hint: 'Write it anew with `npx tinyfleet flash NAME --force`; the model slots are kept.',
  },
  'agent.firmware-failed': {
    number: 723,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Agent: firmware failed',
    text: 'The port of the device refused to store, start or keep the new firmware.',
    hint: "Look at the device's log; the old firmware goes on.",
  },
  'agent.firmware-lost': {
    number: 724,
    status: 422,
    exit: 1,
    transient: false,
    title: 'Agent: firmware lost',
    text: 'The new firmware did not come up, or its boot loader went back to the old one.',
    hint: 'Look at the reset causes and try the image on a board at your desk; the digest stays refused until it is released again.',
  },
  'agent.firmware-offline': {
    number: 725,
    status: 422,
    exit: 1,
    transient: false,
    title: 'Agent: firmware offline',
    text: 'The new firmware came up and did not reach the platform in time.',
    hint: 'Look at what changed in its network; the device went back to the old one.',
  },
  'auth.unauthenticated': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Auth: unauthenticated',
    text: 'This needs you to be signed in.',
    hint: 'Sign in, or send an API token; for the CLI check `npx tinyfleet context`.',
  },
  'auth.forbidden': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: forbidden',
    text: 'This needs the role {needed}; you have {role}.',
    hint: 'Ask an administrator of the project for that role.',
  },
  'auth.bad-login': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Auth: bad login',
    text: 'The e-mail address or the password is wrong.',
    hint: 'Check both; an administrator can make a new setup link.',
  },
  'auth.too-many-attempts': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Auth: too many attempts',
    text: 'Too many failed attempts; the next one is allowed in {seconds} s.',
    hint: 'Wait that long, then try again.',
  },
  'auth.setup-done': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: setup done',
    text: 'The first administrator exists already.',
    hint: 'Sign in with that account.',
  },
  'auth.setup-link-invalid': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: setup link invalid',
    text: 'This setup link was used, has expired or is not complete.',
    hint: 'Make a new one with `npx tinyfleet setup-link`.',
  },
  'auth.cross-origin': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: cross origin',
    text: "The request comes from {origin}, which is not this server's origin.",
    hint: 'Open the dashboard under the address that the server announces, or set TINYFLEET_PUBLIC_URL to the address you use.',
  },
  'auth.token-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: token exists',
    text: 'You have an API token named {name} already.',
    hint: 'Choose another name, or revoke that one first.',
  },
  'auth.token-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Auth: token not found',
    text: 'You have no API token named {name}.',
    hint: '`GET /api/v1/tokens` lists them.',
  },
  'auth.person-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: person exists',
    text: 'There is an account for {email} already.',
    hint: 'Sign in with it, or use another address.',
  },
  'auth.person-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Auth: person not found',
    text: 'There is no account for {email}.',
    hint: '`npx tinyfleet user list --all` shows everybody.',
  },
  'auth.last-instance-admin': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: last instance admin',
    text: '{email} is the last administrator of this instance.',
    hint: 'Make somebody else an administrator first.',
  },
  'auth.last-admin': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: last admin',
    text: '{email} is the last admin of this project.',
    hint: 'Give another member the role admin first.',
  },
  'auth.member-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Auth: member not found',
    text: '{email} is no member of this project.',
    hint: 'Invite that address with `npx tinyfleet user invite`.',
  },
  'auth.member-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: member exists',
    text: '{email} is a member of this project already.',
    hint: 'Change the role with `npx tinyfleet user role`.',
  },
  'auth.invitation-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Auth: invitation not found',
    text: 'There is no such open invitation.',
    hint: 'List them: it may have been accepted, or have expired.',
  },
  'auth.link-invalid': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: link invalid',
    text: 'This link was used, was revoked, has expired or is not complete.',
    hint: 'Ask who sent it for a new one.',
  },
  'auth.bad-password': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: bad password',
    text: 'The password is not that of the account.',
    hint: 'Type it again; an administrator can make a link to set a new one.',
  },
  'auth.password-short': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Auth: password short',
    text: 'A password has at least {characters} characters.',
    hint: 'Choose a longer one; a few words are easy to remember.',
  },
  'auth.no-password': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: no password',
    text: 'This account has no password here.',
    hint: 'Sign in with your provider, or ask an administrator for a link to set a password.',
  },
  'auth.session-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Auth: session not found',
    text: 'You have no such session.',
    hint: 'List them again: it has ended.',
  },
  'auth.token-scope': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: token scope',
    text: 'The token {name} does not allow this: {reason}.',
    hint: 'Use another token, or make one with that scope.',
  },
  'auth.token-limit': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: token limit',
    text: 'You have {limit} API tokens, which is the limit.',
    hint: 'Revoke tokens that are not used (`npx tinyfleet token list`, for logins `npx tinyfleet session list`).',
  },
  'auth.area-unknown': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Auth: area unknown',
    text: 'There are no such parts of the API: {areas}.',
    hint: 'Choose from {known}.',
  },
  'auth.oidc-off': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Auth: oidc off',
    text: 'No OpenID provider is configured.',
    hint: 'Set TINYFLEET_OIDC_ISSUER, TINYFLEET_OIDC_CLIENT_ID and TINYFLEET_OIDC_CLIENT_SECRET.',
  },
  'auth.oidc-failed': {
    status: 502,
    exit: 7,
    transient: false,
    title: 'Auth: oidc failed',
    text: 'Signing in with {provider} failed: {reason}',
    hint: "Start again from the login page; if it stays, compare the provider's settings with docs/access.md.",
  },
  'auth.oidc-expired': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: oidc expired',
    text: 'This sign-in was not started in this browser, or too long ago.',
    hint: 'Start again from the login page.',
  },
  'auth.oidc-email-unverified': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: oidc email unverified',
    text: 'The provider gives no verified e-mail address for this account.',
    hint: 'Verify the address there; or set TINYFLEET_OIDC_TRUST_EMAIL when the provider only knows verified ones.',
  },
  'auth.oidc-account-unproven': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: oidc account unproven',
    text: 'There is an account for {email}, and nothing proves that it was made by whoever has that address.',
    hint: 'Log in with its password and link single sign-on under Settings. If the account is not yours, ask an administrator of the instance: `npx tinyfleet user disable {email}` closes it, `npx tinyfleet user prove {email}` says that it is yours.',
  },
  'auth.oidc-identity-taken': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Auth: oidc identity taken',
    text: 'This account at the provider leads to another person here already.',
    hint: 'Sign in at the provider as somebody else, or log in here by single sign-on.',
  },
  'auth.oidc-no-account': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: oidc no account',
    text: 'There is no account for {email}.',
    hint: 'Ask an administrator for an invitation, or to let accounts be made at the first sign-in.',
  },
  'auth.session-needed': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: session needed',
    text: 'Only somebody who is signed in in a browser can let a command line in.',
    hint: 'Open the address that `npx tinyfleet login --oidc` shows in a browser.',
  },
  'auth.cli-login-invalid': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Auth: cli login invalid',
    text: 'This code is wrong, was used already, or is too old.',
    hint: 'Start again with `npx tinyfleet login --oidc`; a code is good for five minutes.',
  },
  'builds.not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Builds: not found',
    text: '{model}@{version} was not built for {type}.',
    hint: 'Build it with `npx tinyfleet build {model} --for {type}`.',
  },
  'builds.not-finished': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Builds: not finished',
    text: 'The build of {model}@{version} for {type} is {state}.',
    hint: 'Wait for it, or look why with `npx tinyfleet build show {model}@{version} --for {type}`.',
  },
  'builds.not-cancellable': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Builds: not cancellable',
    text: 'The build of {model}@{version} for {type} is {state} already.',
    hint: 'Only queued and running builds can be cancelled.',
  },
  'builds.not-retryable': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Builds: not retryable',
    text: 'The build of {model}@{version} for {type} is {state}.',
    hint: 'Only failed and cancelled builds can be run again.',
  },
  'builds.no-types': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Builds: no types',
    text: 'No device type was named, and the project has no devices to take types from.',
    hint: 'Name types with `--for`; `npx tinyfleet device-type list` has them.',
  },
  'builds.cancelled': {
    status: 409,
    exit: 1,
    transient: false,
    title: 'Builds: cancelled',
    text: 'The build was cancelled.',
    hint: 'Run it again with `npx tinyfleet build`.',
  },
  'builds.worker-died': {
    status: 500,
    exit: 70,
    transient: true,
    title: 'Builds: worker died',
    text: 'The compiler ended unexpectedly: {reason}.',
    hint: 'Run the build again, and report the model if it happens twice.',
  },
  'builds.ops-missing': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Builds: ops missing',
    text: 'The firmware of device type {type} does not run what the model needs: {ops}.',
    hint: 'Update the firmware and add the ops to the type with `npx tinyfleet device-type update`, or build a model without them.',
  },
  'builds.timeout': {
    status: 500,
    exit: 1,
    transient: false,
    title: 'Builds: timeout',
    text: 'The build took longer than {seconds} s and was stopped.',
    hint: 'Raise TINYFLEET_BUILD_TIMEOUT_S, or build a smaller model.',
  },
  'builds.payload-wrong': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Builds: payload wrong',
    text: 'The {method} payload does not give the bundle back; devices get the bundle as it is.',
    hint: 'Report it with both bundles: it is a fault of TinyFleet.',
  },
  'bundle.not-a-bundle': {
    number: 301,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: not a bundle',
    text: 'This is not a TinyFleet bundle: the magic number is wrong.',
    hint: 'Make bundles with `npx tinyfleet build`.',
  },
  'bundle.truncated': {
    number: 302,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: truncated',
    text: 'The bundle has {bytes} bytes; its header says {expected}.',
    hint: 'Fetch or build it again.',
  },
  'bundle.abi-unsupported': {
    number: 303,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: abi unsupported',
    text: 'The bundle is for runtime ABI {required}; this runtime has {found}.',
    hint: 'Build for the ABI of the device or update its firmware.',
  },
  'bundle.op-unsupported': {
    number: 304,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: op unsupported',
    text: 'Operator {op} is not in this runtime.',
    hint: 'Update the firmware or build a model without it.',
  },
  'bundle.op-version-unsupported': {
    number: 305,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: op version unsupported',
    text: 'Version {version} of operator {op} is not in this runtime.',
    hint: 'Update the firmware or build for its operator versions.',
  },
  'bundle.digest-mismatch': {
    number: 306,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: digest mismatch',
    text: "The bundle's content does not match the SHA-256 in its header.",
    hint: 'The storage is damaged or the transfer was wrong. Fetch it again.',
  },
  'bundle.section-invalid': {
    number: 307,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: section invalid',
    text: 'A section lies outside the bundle, overlaps another or appears twice (section {section}).',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.section-unknown': {
    number: 308,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: section unknown',
    text: 'The bundle requires section {section}, which this runtime does not know.',
    hint: 'Update the firmware.',
  },
  'bundle.section-missing': {
    number: 309,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: section missing',
    text: 'The bundle lacks section {section}.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.tensor-out-of-bounds': {
    number: 310,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: tensor out of bounds',
    text: 'Tensor {tensor} lies outside its memory.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.arena-too-small': {
    number: 311,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: arena too small',
    text: 'The bundle needs {required} bytes of arena; {found} were given.',
    hint: 'Give the runtime a larger arena or build a smaller model.',
  },
  'bundle.state-too-small': {
    number: 312,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: state too small',
    text: 'The bundle needs {required} bytes of state; {found} were given.',
    hint: 'Give the runtime more state or build a smaller model.',
  },
  'bundle.misaligned': {
    number: 313,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: misaligned',
    text: 'The bundle, a tensor or a table is not aligned to {alignment} bytes.',
    hint: 'Place slots and arenas at addresses divisible by 16.',
  },
  'bundle.plan-invalid': {
    number: 314,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: plan invalid',
    text: 'Step {step} of the plan is invalid.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.quantization-invalid': {
    number: 315,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: quantization invalid',
    text: 'Step {step} has an invalid multiplier, shift or zero point.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.shape-invalid': {
    number: 316,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: shape invalid',
    text: 'Step {step} has shapes that do not fit its operator.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.layout-unsupported': {
    number: 317,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: layout unsupported',
    text: 'Step {step} has a weight layout this runtime cannot read.',
    hint: 'Build with the portable layout or update the firmware.',
  },
  'bundle.header-invalid': {
    number: 318,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: header invalid',
    text: 'The header of the bundle is invalid.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.golden-invalid': {
    number: 319,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: golden invalid',
    text: 'The golden vectors of the bundle are invalid.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.monitors-invalid': {
    number: 320,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: monitors invalid',
    text: 'The monitors of the bundle are invalid.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.labels-invalid': {
    number: 321,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: labels invalid',
    text: 'The labels of the bundle are invalid.',
    hint: 'Import the model again with other labels.',
  },
  'bundle.front-end-unsupported': {
    number: 322,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: front end unsupported',
    text: 'The bundle needs a front end this runtime does not have.',
    hint: 'Update the firmware or build a model that takes its input directly.',
  },
  'bundle.stack-too-small': {
    number: 323,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: stack too small',
    text: 'The bundle needs {required} bytes of stack; {found} are available.',
    hint: 'Give the inference task a larger stack.',
  },
  'bundle.contract-invalid': {
    number: 324,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: contract invalid',
    text: 'The tensor contract of the bundle is invalid.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'bundle.front-end-invalid': {
    number: 325,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Bundle: front end invalid',
    text: 'The front end of the bundle is invalid, or its frames do not fit the tensor contract.',
    hint: 'Build again; if it repeats, report a compiler defect.',
  },
  'cli.usage': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Cli: usage',
    text: '{reason}',
    hint: '`npx tinyfleet help` shows every command with examples.',
  },
  'cli.no-context': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Cli: no context',
    text: 'No server is known.',
    hint: 'Start one with `npm start`, or sign in with `npx tinyfleet login --url https://...`.',
  },
  'cli.no-login': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Cli: no login',
    text: 'You are not signed in to {url}.',
    hint: 'Sign in with `npx tinyfleet login --url {url}`, or send an API token with --token or TINYFLEET_TOKEN.',
  },
  'cli.no-project': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Cli: no project',
    text: 'No project is chosen. There are: {projects}.',
    hint: 'Add --project NAME or run `npx tinyfleet context use NAME`.',
  },
  'cli.file-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Cli: file not found',
    text: '{path} does not exist.',
    hint: 'Check the path.',
  },
  'cli.file-unreadable': {
    status: 400,
    exit: 8,
    transient: false,
    title: 'Cli: file unreadable',
    text: '{path} cannot be read: {reason}.',
    hint: 'Check the path and its permissions.',
  },
  'cli.file-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Cli: file exists',
    text: '{path} is there already.',
    hint: 'Name another place with --out, or write over it with --force.',
  },
  'cli.file-unwritable': {
    status: 400,
    exit: 8,
    transient: false,
    title: 'Cli: file unwritable',
    text: '{path} cannot be written: {reason}.',
    hint: 'Check the path and its permissions.',
  },
  'cli.process-failed': {
    status: 500,
    exit: 1,
    transient: false,
    title: 'Cli: process failed',
    text: '{process} ended early: {reason}.',
    hint: 'Its last lines are above; `npx tinyfleet doctor` looks for known causes.',
  },
  'cli.not-built': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Cli: not built',
    text: 'TinyFleet is not built: {path} is missing.',
    hint: 'Run `npm start`, which builds what is needed, or `npm run build`.',
  },
  'cli.demo-missing': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Cli: demo missing',
    text: 'There is no demo project.',
    hint: '`npx tinyfleet demo create` makes one.',
  },
  'cli.timeout': {
    status: 504,
    exit: 7,
    transient: true,
    title: 'Cli: timeout',
    text: '{what} took longer than {seconds} s.',
    hint: "Try again, or look into the server's log.",
  },
  'cli.checks-failed': {
    status: 500,
    exit: 1,
    transient: false,
    title: 'Cli: checks failed',
    text: 'Checks failed: {count}.',
    hint: 'The lines above say what to do.',
  },
  'cli.interrupted': {
    status: 499,
    exit: 130,
    transient: false,
    title: 'Cli: interrupted',
    text: 'Interrupted.',
    hint: 'Nothing to do.',
  },
  'cli.provision-failed': {
    status: 503,
    exit: 8,
    transient: false,
    title: 'Cli: provision failed',
    text: 'The flash image cannot be made with the {runner} program: {problem}',
    hint: 'Install what is missing with `npm run setup-test-deps`, or leave the bundle out and roll the release out.',
  },
  'cli.login-refused': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Cli: login refused',
    text: 'The sign-in was refused in the browser.',
    hint: 'Start again when that was not meant.',
  },
  'client.unreachable': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Client: unreachable',
    text: 'The server at {url} does not answer.',
    hint: 'Start it with `npm start`, or name another with --url or TINYFLEET_URL.',
  },
  'client.unknown': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Client: unknown',
    text: 'The server gave an answer that TinyFleet does not know.',
    hint: 'Check that the address is a TinyFleet server and that no proxy is in between.',
  },
  'compiler.not-a-model': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: not a model',
    text: '{file} is not a model TinyFleet can read: {reason}.',
    hint: 'Give a TensorFlow Lite file (.tflite), an ONNX file (.onnx), a Keras model (.keras, .h5), a TensorFlow.js LayersModel (model.json with its weights, or a ZIP archive of both), or the JSON of an XGBoost or LightGBM model.',
  },
  'compiler.model-damaged': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: model damaged',
    text: 'The model file is damaged: {reason} (byte {offset}).',
    hint: 'Copy or export the file again; a download may have stopped early.',
  },
  'compiler.limit-exceeded': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Compiler: limit exceeded',
    text: 'The model has {found} {what}; the limit is {limit}.',
    hint: 'Make the model smaller, or raise the limit in the compiler options if the file can be trusted.',
  },
  'compiler.op-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: op unsupported',
    text: 'Operators of the model that cannot be compiled ({count}): {ops}.',
    hint: 'Replace them in the model, or move them out of it (before the input, or behind the output). Supported: {supported}.',
  },
  'compiler.option-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: option unsupported',
    text: '{op} uses {option}, which cannot be compiled.',
    hint: 'Export the model without it.',
  },
  'compiler.mixed-types': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: mixed types',
    text: 'Part of the model computes in float ({float}), part in {type} ({integer}).',
    hint: 'Export it either in float, for TinyFleet to quantize, or with full integer quantization: a representative data set and `TFLITE_BUILTINS_INT8`.',
  },
  'compiler.quantize-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: quantize unsupported',
    text: 'Operators of the float model that have no int8 form ({count}): {ops}.',
    hint: 'Replace them in the model, or move them out of it (before the input, or behind the output).',
  },
  'compiler.float-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: float unsupported',
    text: 'Operators of the model that cannot be evaluated in float ({count}): {ops}.',
    hint: 'Export the model with full integer quantization instead, or replace them.',
  },
  'compiler.type-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: type unsupported',
    text: 'Tensor {tensor} of {op} has type {type}; {expected} is needed.',
    hint: 'Export the model with full integer quantization to int8.',
  },
  'compiler.shape-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: shape unsupported',
    text: 'Tensor {tensor} has shape [{shape}]: {reason}.',
    hint: 'Export the model with a fixed batch of 1 and fixed extents.',
  },
  'compiler.quantization-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: quantization invalid',
    text: 'Tensor {tensor} has a quantization that cannot be compiled: {reason}.',
    hint: 'Export the model again with full integer quantization; symmetric weights, one scale per tensor or per output channel.',
  },
  'compiler.graph-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: graph invalid',
    text: 'The graph of the model is inconsistent at {op}: {reason}.',
    hint: 'Export the model again. If another tool made or changed it, check that tool.',
  },
  'compiler.weights-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: weights invalid',
    text: 'Weight {weight} of layer {layer} cannot be used: {reason}.',
    hint: 'Save the whole model again (`model.save`), architecture and weights together.',
  },
  'compiler.files-missing': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: files missing',
    text: '{file} refers to files that were not given: {missing}.',
    hint: 'Give the folder of the model, or a ZIP archive of it, with all files that belong to it.',
  },
  'compiler.batch-chosen': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: batch chosen',
    text: 'Input {tensor} has an open batch ({extent}); {batch} is taken.',
    hint: 'Nothing, if the device is to compute one sample at a time. Export the model with a fixed batch otherwise.',
  },
  'compiler.layout-moved': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: layout moved',
    text: 'Input {tensor} of shape [{from}] is given to devices as [{to}]: channels last, as sensors and cameras deliver them.',
    hint: 'Transpose validation and calibration data that are stored channels first.',
  },
  'compiler.initializer-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: initializer unsupported',
    text: "First values of the model's variables cannot be read from {subgraph}: {reason}.",
    hint: 'Export the model so that every variable starts as a constant: build its streaming layers with static shapes, or reset states to stored arrays.',
  },
  'compiler.slot-too-small': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: slot too small',
    text: 'The bundle for {deviceType} has {required} bytes, {constants} of them weights and tables; its slot holds {available}.',
    hint: 'Make the model smaller (fewer channels), or give the device type a larger slot.',
  },
  'compiler.arena-too-small': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: arena too small',
    text: 'The model needs {required} bytes of arena on {deviceType}; {available} are there. The most is needed at step {step} ({op}).',
    hint: 'Make the layers around that step smaller, or give the device type more arena.',
  },
  'compiler.state-too-small': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: state too small',
    text: 'The model keeps {required} bytes of state from one inference to the next; {deviceType} has {available}.',
    hint: 'Shorten the context that a streaming model or its front end buffers, or give the device type more state memory.',
  },
  'compiler.labels-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: labels invalid',
    text: '{found} labels were given; the output has {expected} classes.',
    hint: "Give one label per class, in the order of the model's output.",
  },
  'compiler.sensor-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: sensor invalid',
    text: 'The input contract does not fit the model: {reason}.',
    hint: "Check the sensor, axes and frame given at import against the shape of the model's input.",
  },
  'compiler.self-test-failed': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Compiler: self test failed',
    text: 'The bundle did not run in the runtime: {reason}.',
    hint: 'This is a defect in TinyFleet. Report it with the model, if it can be shared.',
  },
  'compiler.c-library-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: c library unsupported',
    text: 'This model cannot be written as a C library: {reason}.',
    hint: 'Take the bundle, or compile the model without it.',
  },
  'compiler.tflite-unsupported': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: tflite unsupported',
    text: 'This model cannot be written as a .tflite file: {reason}.',
    hint: 'Take the bundle or the C library instead; they can hold every model that compiles.',
  },
  'compiler.calibration-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: calibration invalid',
    text: 'The float model cannot be calibrated: {reason}.',
    hint: 'Give calibration samples as NPY, one array [samples, ...] per input, with the values the model was trained on.',
  },
  'compiler.calibration-missing': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: calibration missing',
    text: 'The model is float and no samples were given: its scales were made from random inputs in {low}..{high}.',
    hint: 'Give `--calibration x.npy` at import with about 100 typical inputs. Accuracy depends on it.',
  },
  'compiler.validation-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: validation invalid',
    text: 'The validation data cannot be used: {reason}.',
    hint: "Give x.npy (one row per sample: floats, or integers in the model's input quantization) and y.npy (uint8 class numbers).",
  },
  'compiler.labels-missing': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: labels missing',
    text: 'The model tells {classes} classes apart, and no labels were given: reports will show class numbers.',
    hint: 'Give `--labels` at import, one per class in output order.',
  },
  'compiler.golden-weak': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: golden weak',
    text: "The self-test's outputs hardly differ: {distinct} different outputs in {tried} random inputs. Its per-layer checks still count.",
    hint: 'Give validation data at import; one real sample then becomes a self-test vector.',
  },
  'compiler.front-end-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: front end invalid',
    text: 'The front end does not fit the model: {reason}.',
    hint: "Change the front end's frame, rows or features so that they fill the model's input.",
  },
  'compiler.trees-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: trees invalid',
    text: 'The tree model cannot be used: {reason}.',
    hint: 'Export it again with `save_model("model.json")` (XGBoost) or `dump_model()` (LightGBM), without categorical splits.',
  },
  'compiler.trees-quantized': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: trees quantized',
    text: "{trees} trees ({nodes} nodes) compare {features} features as {dtype} ({exact} of them whole numbers already); sums are within {error} of the model's.",
    hint: "Nothing, if the features' quantization is what the device delivers. Else give scale or ranges of the features.",
  },
  'compiler.state-starts-anew': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: state starts anew',
    text: "The model's LSTM sees {steps} time steps per inference: every inference starts from its first state.",
    hint: 'Nothing, if an input is a whole sequence. If inputs continue one stream, build with the option `state: carry`.',
  },
  'compiler.bonsai-quantized': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: bonsai quantized',
    text: "The Bonsai tree (depth {depth}, {projected} projected rows, {classes} scores) sees int16 features up to {most}; scores are at worst {error} from the model's where no branch is closer than {branch} to zero.",
    hint: 'Nothing, if features beyond are rare and scores further apart decide. Else give `scale` of the features or `largest` of the scores.',
  },
  'compiler.distances-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: distances invalid',
    text: 'The distance model cannot be used: {reason}.',
    hint: 'Give `tinyfleet-model` as k-nearest, k-means, gaussian, mahalanobis or bonsai with its numbers (docs/design/front-end.md).',
  },
  'compiler.options-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Compiler: options invalid',
    text: 'The build options cannot be used: {reason}.',
    hint: 'Correct the option, or leave it out: every option has a default.',
  },
  'firmware.not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Firmware: not found',
    text: 'There is no firmware {firmware}.',
    hint: 'List it with `npx tinyfleet firmware list`.',
  },
  'firmware.version-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Firmware: version not found',
    text: 'Firmware {firmware} has no version {version}.',
    hint: 'List them with `npx tinyfleet firmware show {firmware}`.',
  },
  'firmware.image-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Firmware: image exists',
    text: '{firmware}@{version} has an image for {type} already, with other content.',
    hint: 'Choose another version: devices tell images apart by it.',
  },
  'firmware.name-taken': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Firmware: name taken',
    text: '{name} is the name of a {component}.',
    hint: 'Choose another name: those of models and firmware are told apart in releases.',
  },
  'firmware.invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Firmware: invalid',
    text: 'The image or what was said of it cannot be: {reason}.',
    hint: 'Check the file, and what its firmware says in hello: `npx tinyfleet device show NAME`.',
  },
  'firmware.in-release': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Firmware: in release',
    text: '{firmware}@{version} is in release {release}.',
    hint: 'Images of releases stay, for the way back. Revoke the release when it must not be installed.',
  },
  'flash.read-failed': {
    number: 401,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Flash: read failed',
    text: 'Reading flash at {offset} failed.',
    hint: 'When it repeats, the flash is worn or badly connected; replace the device.',
  },
  'flash.write-failed': {
    number: 402,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Flash: write failed',
    text: 'Writing flash at {offset} failed.',
    hint: 'When it repeats, the flash is worn or badly connected; replace the device.',
  },
  'flash.erase-failed': {
    number: 403,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Flash: erase failed',
    text: 'Erasing the sector at {offset} failed.',
    hint: 'When it repeats, the flash is worn; replace the device.',
  },
  'flash.out-of-range': {
    number: 404,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Flash: out of range',
    text: 'Offset {offset} is outside the flash.',
    hint: 'Check the geometry that the port declares.',
  },
  'flash.misaligned': {
    number: 405,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Flash: misaligned',
    text: 'Offset {offset} is not a multiple of the program unit.',
    hint: 'Check the geometry that the port declares.',
  },
  'flash.verify-failed': {
    number: 406,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Flash: verify failed',
    text: 'What was read back at {offset} differs from what was written.',
    hint: 'When it repeats, the flash is worn; replace the device.',
  },
  'flash.not-erased': {
    number: 407,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Flash: not erased',
    text: 'The flash at {offset} is not erased.',
    hint: 'Check that the port erases whole sectors.',
  },
  'flash.geometry-invalid': {
    number: 408,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Flash: geometry invalid',
    text: 'The flash geometry of the port is invalid.',
    hint: 'Sector size, program unit (1 to 32) and slot size must divide each other, see fleet_agent.h.',
  },
  'flash.slot-too-small': {
    number: 409,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Flash: slot too small',
    text: 'The slot is too small for the payload.',
    hint: 'Build a smaller model or enlarge the slots.',
  },
  'flash.record-corrupt': {
    number: 410,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Flash: record corrupt',
    text: "The agent's records in flash are damaged.",
    hint: 'The device starts over with what it can prove; look for writes into its record sectors by other code.',
  },
  'flash.map-failed': {
    number: 411,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Flash: map failed',
    text: 'The slot could not be mapped or copied to memory.',
    hint: 'Give the port enough RAM for a copied bundle or use memory-mapped flash.',
  },
  'flash.worn': {
    number: 412,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Flash: worn',
    text: 'A sector reached its erase limit.',
    hint: 'Plan to replace the device; updates continue while spare sectors last.',
  },
  'manifest.invalid': {
    number: 201,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: invalid',
    text: 'The manifest is not a valid SUIT envelope at byte {offset}: {reason}.',
    hint: 'Sign the release again with `npx tinyfleet release sign`.',
  },
  'manifest.truncated': {
    number: 202,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: truncated',
    text: 'The manifest ends after {bytes} bytes in the middle of an item.',
    hint: 'The transfer of the manifest was cut; it is sent again with the next desired message.',
  },
  'manifest.too-large': {
    number: 203,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: too large',
    text: 'The manifest has {bytes} bytes; devices take at most {limit}.',
    hint: 'Use shorter device type names or fewer conditions.',
  },
  'manifest.outside-template': {
    number: 204,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: outside template',
    text: "The manifest has something outside TinyFleet's template: {reason}.",
    hint: 'Only the shape in docs/spec/manifest.cddl is accepted. Make manifests with TinyFleet or follow that file byte for byte.',
  },
  'manifest.signature-invalid': {
    number: 205,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: signature invalid',
    text: 'The signature of the manifest does not verify.',
    hint: 'Check that the device trusts the key which signed the release: `npx tinyfleet project show` prints its fingerprint.',
  },
  'manifest.algorithm-unsupported': {
    number: 206,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: algorithm unsupported',
    text: 'The device cannot verify signature algorithm {algorithm}.',
    hint: 'Sign with an algorithm that the device announced in hello.',
  },
  'manifest.key-unknown': {
    number: 207,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: key unknown',
    text: 'No trusted key has the id {key}.',
    hint: "Provision the project's public key into the device or rotate its key.",
  },
  'manifest.digest-mismatch': {
    number: 208,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: digest mismatch',
    text: 'The bundle has another SHA-256 than the manifest says.',
    hint: 'The device fetches it again. When it repeats, build and release again.',
  },
  'manifest.vendor-mismatch': {
    number: 209,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: vendor mismatch',
    text: 'The manifest is for another vendor or project.',
    hint: 'Check that the device is enrolled in the project that signed the release.',
  },
  'manifest.class-mismatch': {
    number: 210,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: class mismatch',
    text: 'The manifest is for another device type.',
    hint: 'Check the device type set in the firmware against the one in the registry.',
  },
  'manifest.component-unknown': {
    number: 211,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: component unknown',
    text: 'The manifest is for a component the device does not have.',
    hint: 'Only `model` and, where the port supports it, `firmware` can be installed.',
  },
  'manifest.downgrade': {
    number: 212,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: downgrade',
    text: 'Sequence {sequence} is not above {current}, the highest accepted.',
    hint: 'Create a new release, or allow the downgrade when signing it.',
  },
  'manifest.below-floor': {
    number: 213,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: below floor',
    text: 'Sequence {sequence} lies below the floor {floor}.',
    hint: 'This release was revoked. Roll out a newer one.',
  },
  'manifest.expired': {
    number: 214,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: expired',
    text: 'The manifest was valid until {until}.',
    hint: 'Sign the release again with a later end.',
  },
  'manifest.abi-unsupported': {
    number: 215,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: abi unsupported',
    text: 'The bundle needs runtime ABI {required}; the device has {found}.',
    hint: 'Update the firmware of the device or build for its ABI.',
  },
  'manifest.ops-missing': {
    number: 216,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: ops missing',
    text: "The device's firmware lacks operators of the bundle: {ops}.",
    hint: 'Update the firmware or build a model without these operators.',
  },
  'manifest.arena-too-small': {
    number: 217,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: arena too small',
    text: 'The bundle needs {required} bytes of arena; the device has {found}.',
    hint: 'Build a smaller model or raise the arena in the firmware and the device type.',
  },
  'manifest.state-too-small': {
    number: 218,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: state too small',
    text: 'The bundle needs {required} bytes of state; the device has {found}.',
    hint: 'Build a smaller model or raise the state size in the firmware and the device type.',
  },
  'manifest.firmware-too-old': {
    number: 219,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: firmware too old',
    text: 'The bundle needs firmware {required} or later; the device runs {found}.',
    hint: 'Update the firmware first.',
  },
  'manifest.slot-too-small': {
    number: 220,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: slot too small',
    text: 'The bundle has {bytes} bytes; the slot has {limit}.',
    hint: 'Build a smaller model or enlarge the slots.',
  },
  'manifest.version-unsupported': {
    number: 221,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: version unsupported',
    text: 'The manifest has version {version}; this one knows version 1.',
    hint: 'Update the firmware.',
  },
  'manifest.digest-refused': {
    number: 222,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: digest refused',
    text: 'The device refuses this digest because it failed before.',
    hint: "Find out why in the device's history; releasing it again under a new sequence lifts the refusal.",
  },
  'manifest.device-key-missing': {
    number: 223,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: device key missing',
    text: 'The platform keeps no key of what {device} has connected with, and a MAC under that key is all that the device can check.',
    hint: 'Connect the device with a token; a certificate gives no such key. When the secret of the server was changed, give the device another token.',
  },
  'manifest.firmware-incompatible': {
    number: 224,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Manifest: firmware incompatible',
    text: 'The model that the device runs cannot run on this firmware.',
    hint: 'Roll out a model first that both firmwares run, or firmware that keeps the ABI, ops and arena of the model.',
  },
  'models.not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Models: not found',
    text: 'There is no model {model}.',
    hint: 'List them with `npx tinyfleet model list`.',
  },
  'models.version-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Models: version not found',
    text: 'Model {model} has no version {version}.',
    hint: 'List them with `npx tinyfleet model show {model}`.',
  },
  'models.version-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Models: version exists',
    text: 'Version {version} of {model} exists already, with other content.',
    hint: 'Leave the version out for the next free one, or choose another.',
  },
  'models.labels-mismatch': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Models: labels mismatch',
    text: "{given} labels were given; the model's output has {classes} classes.",
    hint: 'Give one label per class, in the order of the output.',
  },
  'models.too-many-labels': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Models: too many labels',
    text: '{given} labels were given; the limit is {limit}.',
    hint: 'Give one label per class of the output.',
  },
  'models.validation-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Models: validation invalid',
    text: 'The validation {part} cannot be used: {reason}.',
    hint: 'Send NPY files: inputs as int8 of shape (samples, ...) as the model takes them, labels as uint8 of shape (samples,).',
  },
  'models.build-known': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Models: build known',
    text: 'The build {build} is {release} already.',
    hint: 'A build is one version for good, because its windows are counted there. Give other firmware another id or version.',
  },
  'mqtt.client-id-invalid': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Mqtt: client id invalid',
    text: 'The client id {clientId} is not `<project>/<device>`, or the username is another.',
    hint: 'Use `<project>/<device>` as client id and as username; names are 1 to 63 of a-z 0-9 . _ - and start with a letter or digit.',
  },
  'mqtt.will-refused': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Mqtt: will refused',
    text: 'The will of {clientId} is not a QoS 0 or 1 message under its own up/.',
    hint: 'Set the will to `fleet/1/<project>/<device>/up/state`, QoS 1.',
  },
  'mqtt.credentials-wrong': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: credentials wrong',
    text: '{clientId} is not known, or this is not its token.',
    hint: 'Look at `npx tinyfleet device credentials`; `npx tinyfleet device rotate` makes a new token.',
  },
  'mqtt.device-pending': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Mqtt: device pending',
    text: '{clientId} has registered itself and waits for approval.',
    hint: 'Decide with `npx tinyfleet device approve` or `npx tinyfleet device reject`; the device tries again by itself.',
  },
  'mqtt.device-rejected': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Mqtt: device rejected',
    text: '{clientId} has registered itself and was rejected.',
    hint: 'Stop the device, or let it in with `npx tinyfleet device approve`.',
  },
  'mqtt.device-disabled': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Mqtt: device disabled',
    text: '{clientId} is suspended or retired.',
    hint: 'Resume it when it may connect again.',
  },
  'mqtt.websocket-without-token': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: websocket without token',
    text: '{clientId} came over WebSocket with neither a token nor a client certificate.',
    hint: 'Use a token. For certificates use the MQTT TLS port, or start with `--lan` and TINYFLEET_HTTP_CLIENT_CERTIFICATES=true and connect to the HTTPS port without a proxy between.',
  },
  'mqtt.too-many-failures': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Mqtt: too many failures',
    text: 'Too many failed attempts from {address}, or as {clientId}.',
    hint: 'Find the device with the wrong credential there. Devices whose credential is right are let in all the same.',
  },
  'mqtt.too-many-connections': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Mqtt: too many connections',
    text: '{connections} devices are connected; that is the limit.',
    hint: 'Raise TINYFLEET_MQTT_CONNECTIONS together with the memory of the process.',
  },
  'mqtt.credentials-unreadable': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Mqtt: credentials unreadable',
    text: 'The credentials of {clientId} cannot be read at the moment.',
    hint: 'Look at the database; devices try again by themselves.',
  },
  'mqtt.certificate-self-signed': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: certificate self signed',
    text: 'The certificate of {clientId} is signed by itself.',
    hint: 'Sign it by an authority of the project: `npx tinyfleet ca list`.',
  },
  'mqtt.certificate-authority-unknown': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: certificate authority unknown',
    text: 'The certificate of {clientId} comes from {issuer}, which is no active authority of the project.',
    hint: 'Upload that authority with `npx tinyfleet ca add` and prove that it is yours.',
  },
  'mqtt.certificate-expired': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: certificate expired',
    text: 'The certificate of {clientId} ended at {notAfter}.',
    hint: 'Renew it: `npx tinyfleet device certificate`, or the device itself before it ends.',
  },
  'mqtt.certificate-not-yet-valid': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: certificate not yet valid',
    text: 'The certificate of {clientId} is not valid before {notBefore}.',
    hint: 'Check the clock of whoever signed it; the tolerance is TINYFLEET_CERTIFICATE_SKEW_S.',
  },
  'mqtt.certificate-revoked': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: certificate revoked',
    text: 'The certificate of {clientId} with serial number {serial} is revoked.',
    hint: 'Sign another one if the device may connect again.',
  },
  'mqtt.certificate-other-device': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Mqtt: certificate other device',
    text: 'The certificate names {commonName}; {clientId} cannot connect with it.',
    hint: "The common name has to be the device's name or `<project>/<device>`, and the device must not be held by other credentials.",
  },
  'mqtt.certificate-unsuitable': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Mqtt: certificate unsuitable',
    text: 'The certificate of {clientId} cannot be used by a device: {reason}.',
    hint: 'Sign one with P-256 or RSA of 2,048 bits and SHA-256 for client authentication.',
  },
  'mqtt.certificate-quota': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Mqtt: certificate quota',
    text: 'The authority {authority} has registered {quota} devices, as many as it may.',
    hint: 'Raise its quota with `npx tinyfleet ca set`.',
  },
  'mqtt.packet-too-large': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Mqtt: packet too large',
    text: '{clientId} announced a packet larger than {limit} bytes, or one whose length is malformed.',
    hint: 'Send less per message, or raise TINYFLEET_MQTT_PACKET_BYTES.',
  },
  'mqtt.topic-refused': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Mqtt: topic refused',
    text: '{clientId} published to {topic}.',
    hint: 'A device publishes under `fleet/1/<project>/<device>/up/`, with QoS 0 or 1.',
  },
  'mqtt.subscription-refused': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Mqtt: subscription refused',
    text: '{clientId} subscribed to {topic}.',
    hint: 'A device subscribes to `fleet/1/<project>/<device>/down/#`, with QoS 0 or 1.',
  },
  'mqtt.too-many-messages': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Mqtt: too many messages',
    text: '{clientId} sent more messages than its rate and burst allow, or more than may wait for their commit.',
    hint: 'Slow the device down, or raise TINYFLEET_MQTT_RATE and TINYFLEET_MQTT_BURST.',
  },
  'mqtt.database-away': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Mqtt: database away',
    text: 'Messages cannot be stored for now, so {clientId} is sent away.',
    hint: 'Nothing at the device: it comes back by itself. Look at the database of the server; `GET /health/ready` says whether it is there.',
  },
  'mqtt.keepalive-too-short': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Mqtt: keepalive too short',
    text: '{clientId} publishes with a keepalive below {limit} s.',
    hint: 'Connect with a keepalive of {limit} s or more: a message may wait for the database for most of that time, and pings wait behind it.',
  },
  'provisioning.credential-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Provisioning: credential not found',
    text: '{device} has no credential {id} that could be revoked.',
    hint: 'List them with `npx tinyfleet device credentials {device}`.',
  },
  'provisioning.credentials-too-many': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: credentials too many',
    text: '{device} holds {limit} credentials that have not ended.',
    hint: 'Revoke one it does not use: `npx tinyfleet device credentials {device}` lists them.',
  },
  'provisioning.certificate-known': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: certificate known',
    text: 'The certificate belongs to a device of the project already.',
    hint: 'Make a certificate of its own for {device}.',
  },
  'provisioning.key-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Provisioning: key not found',
    text: 'There is no provisioning key {key}.',
    hint: 'List them with `npx tinyfleet provisioning-key list`.',
  },
  'provisioning.key-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: key exists',
    text: 'A provisioning key named {key} exists already.',
    hint: 'Choose another name; names of revoked keys are not free again.',
  },
  'provisioning.key-invalid': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Provisioning: key invalid',
    text: 'The provisioning key is not known, was revoked or has expired.',
    hint: 'Give the device a key that `npx tinyfleet provisioning-key list` shows as active.',
  },
  'provisioning.quota-used': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: quota used',
    text: 'The provisioning key has made {quota} devices, as many as it may.',
    hint: 'Make another key, or remove devices that are gone and raise the quota with a new key.',
  },
  'provisioning.approvals-full': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Provisioning: approvals full',
    text: '{limit} devices wait for approval already.',
    hint: 'Decide on those with `npx tinyfleet device approve` and `npx tinyfleet device reject`; the device tries again.',
  },
  'provisioning.type-refused': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Provisioning: type refused',
    text: 'The provisioning key is not for devices of type {type}.',
    hint: 'Make a key for that type, or correct the type that the device names.',
  },
  'provisioning.type-needed': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Provisioning: type needed',
    text: 'The device has to name its type: the key is for several.',
    hint: 'Send `type`, one of the types of the key.',
  },
  'provisioning.name-invalid': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Provisioning: name invalid',
    text: '{name} cannot be the name of a device.',
    hint: "Names are 1 to 63 of a-z 0-9 . _ - and start with a letter or digit; look at the key's template and what the device proposes.",
  },
  'provisioning.name-needed': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Provisioning: name needed',
    text: 'The device has to propose a name.',
    hint: 'Send `name`, such as its serial number, or make a key whose template needs none.',
  },
  'provisioning.device-taken': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: device taken',
    text: 'A device named {device} is registered already.',
    hint: 'Give the unit another name. To give this one new credentials use `npx tinyfleet device rotate` or a claim code.',
  },
  'provisioning.rejected': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Provisioning: rejected',
    text: '{device} was rejected.',
    hint: 'Stop the device, or let it in with `npx tinyfleet device approve {device}`.',
  },
  'provisioning.not-waiting': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: not waiting',
    text: '{device} does not wait for approval.',
    hint: 'See who waits with `npx tinyfleet device waiting`.',
  },
  'provisioning.code-invalid': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Provisioning: code invalid',
    text: 'The claim code is not known, was used or has expired.',
    hint: 'Check what was typed, or make another one with `npx tinyfleet device claim-code`.',
  },
  'provisioning.too-many-attempts': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Provisioning: too many attempts',
    text: 'Too many failed attempts; the next one is allowed in {seconds} s.',
    hint: 'Wait that long, then try again with the right key or code.',
  },
  'provisioning.too-many-at-once': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Provisioning: too many at once',
    text: '{limit} requests of this address are being answered already; come again in {seconds} s.',
    hint: 'Wait that long (`Retry-After`) and try again; a fleet behind one address gets in that way. TINYFLEET_PROVISION_AT_ONCE raises the limit.',
  },
  'provisioning.authority-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Provisioning: authority not found',
    text: 'There is no certificate authority {authority}.',
    hint: 'List them with `npx tinyfleet ca list`.',
  },
  'provisioning.authority-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: authority exists',
    text: 'The project has this authority, or one named {authority}, already.',
    hint: 'Choose another name, or remove the old one first with `npx tinyfleet ca remove`.',
  },
  'provisioning.authorities-too-many': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: authorities too many',
    text: 'The project has {limit} certificate authorities.',
    hint: 'Remove one that no device uses any more.',
  },
  'provisioning.certificate-invalid': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Provisioning: certificate invalid',
    text: 'The certificate cannot be used: {reason}.',
    hint: 'Send one certificate in PEM. An authority needs basicConstraints CA:TRUE and P-256, Ed25519 or RSA of 2,048 bits with SHA-256.',
  },
  'provisioning.crl-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Provisioning: crl invalid',
    text: 'The revocation list cannot be used: {reason}.',
    hint: "Send the authority's newest complete list in PEM, such as `openssl ca -gencrl` writes; `npx tinyfleet ca revoke` takes single serial numbers.",
  },
  'provisioning.proof-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Provisioning: proof invalid',
    text: 'This does not prove that {authority} is yours: {reason}.',
    hint: 'Sign a certificate with the challenge as its common name by that authority and send it before the challenge ends; docs/provisioning.md has the commands.',
  },
  'provisioning.not-unproven': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: not unproven',
    text: '{authority} needs no proof: it is {state}.',
    hint: 'Nothing; `npx tinyfleet ca list` shows it.',
  },
  'provisioning.authority-cannot-sign': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Provisioning: authority cannot sign',
    text: 'No active authority of the project signs certificates.',
    hint: 'Make one with `npx tinyfleet ca create`; the key of an uploaded authority is not here.',
  },
  'provisioning.request-invalid': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Provisioning: request invalid',
    text: 'The certificate request cannot be used: {reason}.',
    hint: 'Send one PKCS #10 request, signed by its own key: P-256, Ed25519 or RSA of 2,048 bits.',
  },
  'provisioning.renewal-refused': {
    status: 401,
    exit: 3,
    transient: false,
    title: 'Provisioning: renewal refused',
    text: 'The certificate cannot be renewed: {reason}.',
    hint: 'Sign the new request with the key of the certificate that is valid now; an ended one needs a claim code.',
  },
  'quality.option-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Quality: option invalid',
    text: '{option} must be {wanted}; it is {value}.',
    hint: 'Correct the option. The page of formulas says what it means.',
  },
  'quality.observation-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Quality: observation invalid',
    text: '{value} is no {wanted}.',
    hint: 'A detector takes finite numbers, and one for errors takes 0 and 1 alone. Leave out windows without a value.',
  },
  'quality.histograms-differ': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Quality: histograms differ',
    text: 'Histograms with {left} and {right} bins cannot be compared.',
    hint: 'Compare windows of one monitor schema.',
  },
  'quality.budget-unreadable': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Quality: budget unreadable',
    text: '"{text}" is not a budget of false pages.',
    hint: 'Say it like "at most one false page a week": a number, and hour, day, week, month or year.',
  },
  'quality.state-unusable': {
    status: 500,
    exit: 1,
    transient: false,
    title: 'Quality: state unusable',
    text: 'What a watch has learned cannot be used: {reason}.',
    hint: 'The server learns it anew, from the rounds that taught it while those windows are kept, else from the newest ones; `npx tinyfleet quality status` says which. When neither has enough windows, declare another healthy period.',
  },
  'quality.alert-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Quality: alert not found',
    text: 'There is no alert {alert}.',
    hint: '`npx tinyfleet alert list` shows those of the project.',
  },
  'quality.alert-resolved': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Quality: alert resolved',
    text: 'Alert {alert} is resolved.',
    hint: 'Nothing is left to do with it. When it moves again, there will be a new one.',
  },
  'quality.baseline-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Quality: baseline invalid',
    text: 'The healthy period is not usable: {reason}.',
    hint: 'Name a period that is over, of {least} to {most} rounds; `npx tinyfleet quality settings show` says how long a round is.',
  },
  'quality.alert-route-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Quality: alert route not found',
    text: 'There is no alert route {route}.',
    hint: '`npx tinyfleet alert route list` shows those of the project.',
  },
  'quality.alert-route-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Quality: alert route exists',
    text: 'There is an alert route {route} already.',
    hint: 'Choose another name, or delete that one first.',
  },
  'quality.alert-routes-too-many': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Quality: alert routes too many',
    text: 'A project has at most {limit} alert routes.',
    hint: 'Delete one that is not needed, or raise `alerts.maxRoutes`.',
  },
  'quality.alert-route-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Quality: alert route invalid',
    text: 'Alerts cannot go there: {reason}.',
    hint: 'Use an https address, or smtps://user:password@host:465 for e-mail. Addresses have to be public unless `webhooks.allowPrivate` is set.',
  },
  'registry.project-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: project not found',
    text: 'There is no project {project}, or you are not a member.',
    hint: 'List yours with `npx tinyfleet project list`.',
  },
  'registry.project-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: project exists',
    text: 'A project named {project} exists already.',
    hint: 'Choose another name.',
  },
  'registry.type-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: type not found',
    text: 'There is no device type {type}.',
    hint: 'List them with `npx tinyfleet device-type list`.',
  },
  'registry.type-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: type exists',
    text: 'A device type named {type} exists already.',
    hint: 'Choose another name.',
  },
  'registry.type-built-in': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: type built in',
    text: 'The device type {type} comes with TinyFleet and cannot be changed or removed.',
    hint: 'Copy it with `npx tinyfleet device-type add NAME --like {type}` and change the copy.',
  },
  'registry.type-in-use': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: type in use',
    text: 'The device type {type} cannot {change}: it is used by {uses}.',
    hint: 'Make another type with `npx tinyfleet device-type add NAME --like {type}`; memory and ops may grow, titles and sources may change.',
  },
  'registry.type-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: type invalid',
    text: 'The device type {type} is not possible: {reason}.',
    hint: 'Correct the figure; `npx tinyfleet device-type show qemu-m4` shows one that is.',
  },
  'registry.device-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: device not found',
    text: 'There is no device {device} in this project.',
    hint: 'List devices with `npx tinyfleet device list`.',
  },
  'registry.device-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: device exists',
    text: 'A device named {device} exists already.',
    hint: 'Choose another name, or use `device rotate` to give that one a new token.',
  },
  'registry.filter-invalid': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Registry: filter invalid',
    text: 'The filter is not valid at character {at}: {reason}.',
    hint: 'Write for example `tag = "demo" and type in ("wasm", "qemu-m4")`; docs/filters.md has the language.',
  },
  'registry.filter-too-complex': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Registry: filter too complex',
    text: 'The filter has {terms} terms; the limit is {limit}.',
    hint: 'Give the devices a common tag and filter by that.',
  },
  'registry.cursor-invalid': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Registry: cursor invalid',
    text: 'The page cursor is not one of ours.',
    hint: 'Start again without `cursor`, and pass `nextCursor` unchanged.',
  },
  'registry.command-invalid': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: command invalid',
    text: 'The command {command} cannot be sent so: {reason}.',
    hint: '`npx tinyfleet device ask --help` lists the commands and what they take.',
  },
  'registry.command-unsigned': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: command unsigned',
    text: '{device} could not tell that a command is ours: it holds no token, and no signing key of the project.',
    hint: "Give its firmware the project's public key (`npx tinyfleet project keys list`), which a certificate alone does not replace, or give it a token.",
  },
  'registry.commands-too-many': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: commands too many',
    text: '{device} has {limit} commands that wait already.',
    hint: 'Wait until the device has taken some; `npx tinyfleet device commands {device}` lists them.',
  },
  'registry.state-invalid': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: state invalid',
    text: '{device} is {state}: it cannot {move}.',
    hint: '`npx tinyfleet device show {device}` tells its state; docs/devices.md has the states and what leads from one to another.',
  },
  'registry.attribute-invalid': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: attribute invalid',
    text: 'The attribute {key} cannot be set: {reason}.',
    hint: 'Keys are a letter followed by letters, digits, `_` and `-`; values are text, a number, or true and false.',
  },
  'registry.attributes-too-many': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: attributes too many',
    text: 'A device would have {count} attributes; the limit is {limit}.',
    hint: 'Remove some, or raise the limit with the option `limits.attributes`.',
  },
  'registry.attributes-stale': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: attributes stale',
    text: 'The attributes of {device} have version {version} by now, not {expected}.',
    hint: 'Read them again and repeat the change on what is there now.',
  },
  'registry.group-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: group not found',
    text: 'There is no group {group} in this project.',
    hint: 'List them with `npx tinyfleet group list`.',
  },
  'registry.group-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: group exists',
    text: 'A group named {group} exists already.',
    hint: 'Choose another name.',
  },
  'registry.group-cycle': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: group cycle',
    text: 'The group {group} would lead back to itself, or groups are nested deeper than eight.',
    hint: '`npx tinyfleet group show {group}` shows its filter; take the group out that it need not name.',
  },
  'registry.group-in-use': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: group in use',
    text: 'The group {group} is named in the filter of {other}.',
    hint: 'Change or delete {other} first.',
  },
  'registry.group-static': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: group static',
    text: 'The group {group} is {kind}: {reason}.',
    hint: 'A static group has members and no filter, a dynamic one a filter and no members. Make another group.',
  },
  'registry.group-members-too-many': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: group members too many',
    text: '{count} devices match; at most {limit} go into a static group at once.',
    hint: 'Make a dynamic group of the filter, or use a bulk action, which runs as a job: `tinyfleet device update --filter ... --add-to-group NAME`.',
  },
  'registry.bulk-too-many-open': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: bulk too many open',
    text: 'The project has {limit} bulk actions that are not over yet.',
    hint: 'Wait for one to end or cancel one; `tinyfleet device actions` lists them. The option `limits.bulkActions` is the limit.',
  },
  'registry.bulk-action-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: bulk action not found',
    text: 'There is no bulk action {action}.',
    hint: '`tinyfleet device actions` lists those of the project. Small ones are done at once and have none.',
  },
  'registry.bulk-action-over': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: bulk action over',
    text: 'The bulk action {action} is {state} already.',
    hint: 'Nothing; what it has changed stays changed.',
  },
  'registry.bulk-author-gone': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: bulk author gone',
    text: 'The bulk action {action} ended: {actor}, who asked for it, may not change devices of the project any more.',
    hint: 'Somebody with the role operator asks for it again; what it has changed stays changed.',
  },
  'registry.bulk-count-changed': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: bulk count changed',
    text: 'The devices that match are {count} by now, not {expected}. Nothing was changed.',
    hint: 'Look at the count again with a dry run, and repeat.',
  },
  'registry.bulk-filter-empty': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: bulk filter empty',
    text: 'A bulk action needs a filter.',
    hint: 'Name the devices; `name = "*"` names them all.',
  },
  'registry.groups-too-many': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: groups too many',
    text: 'The project has {limit} groups already.',
    hint: 'Delete some, or raise the limit with the option `limits.groups`.',
  },
  'registry.tags-too-many': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Registry: tags too many',
    text: '{device} would have {count} tags; the limit is {limit}. Nothing was changed.',
    hint: 'Take some away with `--untag`.',
  },
  'registry.import-header': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import header',
    text: 'The first line is not a header of devices: {reason}.',
    hint: 'Begin the file with a line such as `name,type,tags,site,hardwareRevision,notes,attr.line`.',
  },
  'registry.import-empty': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import empty',
    text: 'The file has no header line.',
    hint: 'Begin it with a line such as `name,type,tags`.',
  },
  'registry.import-encoding': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import encoding',
    text: 'The file is {found}, not UTF-8.',
    hint: 'Save it as "CSV UTF-8".',
  },
  'registry.import-too-large': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Registry: import too large',
    text: 'The file is larger than {limitBytes} bytes.',
    hint: 'Split it, or raise TINYFLEET_IMPORT_BYTES.',
  },
  'registry.import-too-many-rows': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Registry: import too many rows',
    text: 'The file has more than {limit} rows.',
    hint: 'Split it, or raise TINYFLEET_IMPORT_ROWS.',
  },
  'registry.import-refused': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import refused',
    text: 'Nothing was imported. Errors: {count}, rows: {rows}.',
    hint: 'Correct the rows that `data.errors` lists and send the file again; `--dry-run` checks it alone.',
  },
  'registry.import-fields': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import fields',
    text: 'The row has {found} fields, the header {expected}.',
    hint: 'Put fields with commas or line breaks into double quotes.',
  },
  'registry.import-value': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import value',
    text: '{column}: {reason}.',
    hint: 'Correct the cell.',
  },
  'registry.import-broken': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import broken',
    text: 'The file is not CSV from line {line}: {reason}.',
    hint: 'Correct that line; a quote inside a quoted field is doubled.',
  },
  'registry.import-duplicate': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import duplicate',
    text: '{device} is in the file already, at line {line}.',
    hint: 'Leave one of the rows out.',
  },
  'registry.import-type-differs': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: import type differs',
    text: '{device} is a {type}, and its type does not change.',
    hint: 'Remove the device and register it again, or correct the type in the file.',
  },
  'registry.import-busy': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Registry: import busy',
    text: '{limit} imports are at work already.',
    hint: 'Try again when one of them is done.',
  },
  'registry.import-conflict': {
    status: 409,
    exit: 5,
    transient: true,
    title: 'Registry: import conflict',
    text: 'Devices of the file were changed by others while it was imported. Nothing was imported.',
    hint: 'Try again.',
  },
  'registry.import-interrupted': {
    status: 409,
    exit: 5,
    transient: true,
    title: 'Registry: import interrupted',
    text: 'The import ended before it was complete. Nothing was imported.',
    hint: 'Send the file again.',
  },
  'registry.import-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: import not found',
    text: 'There is no import {import} in this project.',
    hint: 'List them with `npx tinyfleet device imports`.',
  },
  'registry.import-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: import exists',
    text: 'There is an import {import} already.',
    hint: 'Choose another id, or none.',
  },
  'registry.import-tokens-gone': {
    status: 410,
    exit: 5,
    transient: false,
    title: 'Registry: import tokens gone',
    text: 'The tokens of this import are not to be had: {reason}.',
    hint: 'Give a device a new one with `npx tinyfleet device rotate`, or let devices claim.',
  },
  'registry.webhook-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: webhook not found',
    text: 'There is no webhook {webhook} in this project.',
    hint: 'List them with `npx tinyfleet webhook list`.',
  },
  'registry.webhook-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: webhook exists',
    text: 'A webhook named {webhook} exists already.',
    hint: 'Choose another name.',
  },
  'registry.webhooks-too-many': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Registry: webhooks too many',
    text: 'The project has {limit} webhooks already.',
    hint: 'Remove one, or raise TINYFLEET_WEBHOOKS.',
  },
  'registry.webhook-url': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: webhook url',
    text: 'The address of the webhook is not allowed: {reason}.',
    hint: 'Give a public https address; TINYFLEET_WEBHOOK_PRIVATE=true allows http and private networks.',
  },
  'registry.webhook-event': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: webhook event',
    text: 'There is no event {event}.',
    hint: 'Choose of {known}.',
  },
  'registry.webhook-replay-too-long': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Registry: webhook replay too long',
    text: 'A replay is of at most {limit} events.',
    hint: 'Replay part after part.',
  },
  'registry.delivery-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Registry: delivery not found',
    text: 'There is no delivery {delivery} of this webhook.',
    hint: 'List them with `npx tinyfleet webhook deliveries`.',
  },
  'releases.not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Releases: not found',
    text: 'There is no release {release}.',
    hint: 'List them with `npx tinyfleet release list`.',
  },
  'releases.exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: exists',
    text: 'Release {release} exists already.',
    hint: 'Sign or roll it out; changed content needs a new model version.',
  },
  'releases.no-builds': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: no builds',
    text: '{release} has no finished build.',
    hint: 'Build it first with `npx tinyfleet build`.',
  },
  'releases.builds-open': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: builds open',
    text: 'A build of {release} for {types} is not finished.',
    hint: 'Wait for it, or cancel it.',
  },
  'releases.not-signed': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: not signed',
    text: 'Release {release} is not signed.',
    hint: 'Sign it with `npx tinyfleet release sign {release}`.',
  },
  'releases.no-key': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: no key',
    text: 'The project has no signing key that this server can use.',
    hint: 'Make one, or sign with the key where it is kept.',
  },
  'releases.manifest-too-large': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Releases: manifest too large',
    text: 'The manifest for {type} has {bytes} bytes; devices take {limit}.',
    hint: "Shorten the release's names.",
  },
  'releases.rotation-open': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: rotation open',
    text: 'The next key {key} is made already and being handed to the devices.',
    hint: '`npx tinyfleet project keys list` shows how far it is; activate it with `npx tinyfleet project keys activate {key}`.',
  },
  'releases.key-not-next': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: key not next',
    text: "The key {key} is not the project's next one.",
    hint: '`npx tinyfleet project keys list` names it; `npx tinyfleet project keys rotate` makes one.',
  },
  'releases.key-not-spread': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: key not spread',
    text: '{missing} of {devices} devices do not hold the next key {key} yet.',
    hint: 'Wait for them, or activate it with `--force`: they get nothing new until they have taken the key.',
  },
  'releases.not-after-past': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Releases: not after past',
    text: 'The release would not be valid after {notAfter}, which is over.',
    hint: 'Name a time in the future.',
  },
  'releases.expired': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: expired',
    text: 'Release {release} was valid until {notAfter}.',
    hint: 'Make a release of a newer version, or the same one as a new version without an end.',
  },
  'releases.revoked': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: revoked',
    text: 'Release {release} was revoked.',
    hint: 'Release a newer version. A revocation is for good, since later manifests forbid the release.',
  },
  'releases.not-approved': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: not approved',
    text: 'Release {release} is {state}, and only approved releases are rolled out.',
    hint: '`npx tinyfleet release validate {release}`, then have somebody run `npx tinyfleet release approve {release}`.',
  },
  'releases.wrong-state': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: wrong state',
    text: 'Release {release} is {state}; to {verb} it, it has to be {from}.',
    hint: 'See its state with `npx tinyfleet release show {release}`.',
  },
  'releases.approver-no-person': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Releases: approver no person',
    text: 'Release {release} needs the yes of a second person, and {actor} is none: the token of the instance speaks for nobody.',
    hint: 'Sign in with `npx tinyfleet login` as somebody with the role operator, and approve it again.',
  },
  'releases.own-approval': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Releases: own approval',
    text: 'The project wants the yes of a second person: who made release {release} cannot approve it.',
    hint: 'Ask somebody else with the role operator to run `npx tinyfleet release approve {release}`.',
  },
  'releases.not-valid': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: not valid',
    text: 'Release {release} is not fit to be approved. {reasons}',
    hint: 'Make a better version, or allow more with `npx tinyfleet release validate {release} --max-accuracy-drop`.',
  },
  'releases.key-unknown': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Releases: key unknown',
    text: 'The project has no key {key} that may sign.',
    hint: '`npx tinyfleet project keys list` names the active and the next one.',
  },
  'releases.key-elsewhere': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: key elsewhere',
    text: 'The private half of key {key} is not on this server.',
    hint: 'Sign where it is: `npx tinyfleet release sign {release} --key FILE`.',
  },
  'releases.signature-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Releases: signature invalid',
    text: 'The signature of {what} does not verify with key {key}.',
    hint: 'Sign what the signing request of this release says, with the private half of that very key.',
  },
  'releases.signatures-missing': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Releases: signatures missing',
    text: 'There is no signature of {what}.',
    hint: 'Sign all that the signing request names, in one go.',
  },
  'releases.releases-unsigned': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: releases unsigned',
    text: '{count} releases are not signed with key {key} yet: {releases}.',
    hint: 'Sign them where the key is, `npx tinyfleet release sign NAME@VERSION --key FILE`, or activate it with `--force`: devices cannot go back to them.',
  },
  'releases.key-exists': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: key exists',
    text: 'The project has key {key} already, or had it.',
    hint: 'Make a new pair.',
  },
  'releases.key-not-closable': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: key not closable',
    text: 'Key {key} is {state}. A next key can be withdrawn, and a retired one revoked.',
    hint: 'Before the active key can be revoked, another one has to sign: `npx tinyfleet project keys rotate`, then `activate`.',
  },
  'releases.no-provenance': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Releases: no provenance',
    text: 'There is no signed provenance of release {release}.',
    hint: 'Sign it; releases from before provenance have none.',
  },
  'releases.key-other': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Releases: key other',
    text: 'The request is to be signed with key {asked}; this is key {key}.',
    hint: 'Use the private half of that key, or ask for a request for this one.',
  },
  'releases.request-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Releases: request invalid',
    text: 'The signing request of {release} contradicts itself: its provenance does not name the bundles of its manifests.',
    hint: 'Do not sign it. Ask the server for another one, and if that is no better, look at who could have changed it.',
  },
  'releases.handover-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Releases: handover invalid',
    text: 'The request to hand over names key {key} and holds the public half of key {held}.',
    hint: 'Do not sign it: devices would obey key {held}. Look at who could have changed it.',
  },
  'releases.handover-counter': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Releases: handover counter',
    text: 'The message to {device} has the counter {counter}; at most {limit} is accepted.',
    hint: 'Sign it with the counter of the request to hand over: a device that took a command with a high counter takes no later one with a lower, and there are no higher ones in the end.',
  },
  'releases.firmware-missing': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: firmware missing',
    text: '{firmware} has no image for any device type that {release} has a build for: {types}.',
    hint: 'Bring one in with `npx tinyfleet firmware import`, or build the model for the types that it is for.',
  },
  'releases.firmware-unfit': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Releases: firmware unfit',
    text: '{release} cannot run on {firmware} for {type}: {reason}.',
    hint: 'Build the model for what this firmware has, or name other firmware.',
  },
  'releases.firmware-alone': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Releases: firmware alone',
    text: '{release} is firmware itself and needs no other one before it.',
    hint: 'Leave `--firmware` out.',
  },
  'rollouts.not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Rollouts: not found',
    text: 'There is no rollout {rollout} in project {project}.',
    hint: 'List the rollouts with `npx tinyfleet rollout list`.',
  },
  'rollouts.empty-target': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Rollouts: empty target',
    text: 'No device matches {filter}.',
    hint: "Check the filter with `npx tinyfleet device list --filter '...'`.",
  },
  'rollouts.no-build-for-types': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Rollouts: no build for types',
    text: 'Release {release} has no build for {deviceTypes}, which the target contains.',
    hint: 'Build for these types and release again, or narrow the filter.',
  },
  'rollouts.devices-busy': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Rollouts: devices busy',
    text: 'Devices of the target that are in rollout {rollout}, which is open and has the same priority ({priority}): {count}.',
    hint: 'Give one of them a higher priority, abort the other, or wait until it is finished.',
  },
  'rollouts.not-running': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Rollouts: not running',
    text: 'Rollout {rollout} is {state}.',
    hint: 'Only a running rollout can be paused, only a paused one resumed.',
  },
  'rollouts.failed': {
    status: 409,
    exit: 1,
    transient: false,
    title: 'Rollouts: failed',
    text: 'Rollout {rollout} failed: {reason}.',
    hint: 'Look at the failed devices with `npx tinyfleet rollout show {rollout}`.',
  },
  'rollouts.aborted': {
    status: 409,
    exit: 1,
    transient: false,
    title: 'Rollouts: aborted',
    text: 'Rollout {rollout} was aborted.',
    hint: 'Start another when the reason is gone.',
  },
  'rollouts.deployment-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Rollouts: deployment not found',
    text: 'There is no deployment {deployment} in project {project}.',
    hint: 'List them with `npx tinyfleet deployment list`.',
  },
  'rollouts.approver-no-person': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Rollouts: approver no person',
    text: 'Rollout {rollout} needs the yes of a second person, and {actor} is none: the token of the instance speaks for nobody.',
    hint: 'Sign in with `npx tinyfleet login` as somebody with the role operator, and approve it again.',
  },
  'rollouts.simulation-kind': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Rollouts: simulation kind',
    text: 'A rollout of the kind {kind} cannot be simulated.',
    hint: 'Simulate an update; a shadow and a comparison change nothing that a simulation could warn of.',
  },
  'rollouts.simulation-busy': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Rollouts: simulation busy',
    text: '{limit} simulations are waiting already.',
    hint: 'Try again in a minute.',
  },
  'rollouts.gates-died': {
    status: 500,
    exit: 70,
    transient: true,
    title: 'Rollouts: gates died',
    text: 'Gates could not be judged: {reason}.',
    hint: 'Nothing: they are judged again by themselves, and until then the step waits. If it goes on, report it with the log.',
  },
  'rollouts.simulations-of-project': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Rollouts: simulations of project',
    text: '{limit} simulations of this project run or wait already.',
    hint: 'Try again when one of them has answered.',
  },
  'rollouts.simulation-died': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Rollouts: simulation died',
    text: 'The simulation ended: {reason}.',
    hint: 'Ask for fewer rollouts with `--rollouts`; if it happens again, report it with the log.',
  },
  'rollouts.own-approval': {
    status: 403,
    exit: 3,
    transient: false,
    title: 'Rollouts: own approval',
    text: 'Rollout {rollout} needs the yes of somebody else than who started it.',
    hint: 'Ask another operator of the project to approve it.',
  },
  'rollouts.is-shadow': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Rollouts: is shadow',
    text: 'Rollout {rollout} is a shadow: its devices never left the version that they run.',
    hint: 'End it with `npx tinyfleet rollout abort {rollout}`.',
  },
  'rollouts.firmware-shadow': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Rollouts: firmware shadow',
    text: 'Release {release} brings firmware, and only a model can run as shadow.',
    hint: 'Make a release of the model alone, or start a rollout with steps.',
  },
  'rollouts.same-release': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Rollouts: same release',
    text: 'Release {release} cannot be compared with itself.',
    hint: 'Name two releases, or leave the second one out to compare with what devices run.',
  },
  'rollouts.no-update-rule': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Rollouts: no update rule',
    text: 'Device {device} is neither pinned nor held nor excluded.',
    hint: 'Nothing; rollouts may have it.',
  },
  'runtime.not-loaded': {
    number: 501,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Runtime: not loaded',
    text: 'No bundle is loaded.',
    hint: 'Load a bundle first.',
  },
  'runtime.golden-mismatch': {
    number: 502,
    status: 422,
    exit: 1,
    transient: false,
    title: 'Runtime: golden mismatch',
    text: 'Golden vector {vector} gave another output than the build server computed.',
    hint: 'The device computes differently. Look at the failed step, then at memory, clock and compiler flags of the firmware.',
  },
  'runtime.step-mismatch': {
    number: 503,
    status: 422,
    exit: 1,
    transient: false,
    title: 'Runtime: step mismatch',
    text: 'Plan step {step} gave another CRC than the build server computed.',
    hint: 'The kernel of this step differs on the device. Run the kernel tests of the port.',
  },
  'runtime.latency-exceeded': {
    number: 504,
    status: 422,
    exit: 1,
    transient: false,
    title: 'Runtime: latency exceeded',
    text: 'One inference took {latency} us; the release allows {limit}.',
    hint: 'Build a faster model, raise the clock or relax the bound of the device type.',
  },
  'runtime.arena-exceeded': {
    number: 505,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Runtime: arena exceeded',
    text: 'Inference wrote outside its arena.',
    hint: 'Report a defect with the bundle and the firmware version.',
  },
  'runtime.argument-invalid': {
    number: 506,
    status: 500,
    exit: 70,
    transient: false,
    title: 'Runtime: argument invalid',
    text: 'An argument of a runtime function is invalid.',
    hint: 'Check the call against fleet_runtime.h.',
  },
  'runtime.stack-exceeded': {
    number: 507,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Runtime: stack exceeded',
    text: 'Inference used more stack than the bundle says.',
    hint: 'Give the inference task a larger stack and report the difference.',
  },
  'runtime.busy': {
    number: 508,
    status: 409,
    exit: 5,
    transient: true,
    title: 'Runtime: busy',
    text: 'An inference is already running in this context.',
    hint: 'Finish it with fleet_run before another is started.',
  },
  'runtime.kernel-failed': {
    number: 509,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Runtime: kernel failed',
    text: 'Plan step {step} failed.',
    hint: 'Report a defect with the bundle and the firmware version.',
  },
  'runtime.input-missing': {
    number: 510,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Runtime: input missing',
    text: 'The input of the model was not filled.',
    hint: 'Fill every element of the input before the first step.',
  },
  'runtime.watchdog': {
    number: 511,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Runtime: watchdog',
    text: 'The watchdog fired during an inference.',
    hint: 'Raise the watchdog period above the longest plan step.',
  },
  'sensor.missing': {
    number: 601,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Sensor: missing',
    text: 'The device has no sensor {sensor}, which the model needs.',
    hint: 'Roll out to device types with this sensor.',
  },
  'sensor.rate-mismatch': {
    number: 602,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Sensor: rate mismatch',
    text: 'The model needs {required} mHz; the sensor gives {found}.',
    hint: 'Set the sample rate in the firmware or train for this rate.',
  },
  'sensor.axes-mismatch': {
    number: 603,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Sensor: axes mismatch',
    text: 'The model needs {required} axes; the sensor has {found}.',
    hint: 'Train for this sensor or roll out to other device types.',
  },
  'sensor.unit-mismatch': {
    number: 604,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Sensor: unit mismatch',
    text: 'The model expects another unit than the sensor gives.',
    hint: "Declare the sensor's unit right or train for it.",
  },
  'sensor.full-scale-mismatch': {
    number: 605,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Sensor: full scale mismatch',
    text: 'The model expects full scale {required}; the sensor is set to {found}.',
    hint: "Set the sensor's range in the firmware or train for it.",
  },
  'sensor.read-failed': {
    number: 606,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Sensor: read failed',
    text: 'Reading the sensor failed.',
    hint: 'Check the wiring and the bus of the sensor.',
  },
  'sensor.timeout': {
    number: 607,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Sensor: timeout',
    text: 'The sensor gave no sample in time.',
    hint: 'Check that the sensor runs and its interrupt arrives.',
  },
  'sensor.overrun': {
    number: 608,
    status: 500,
    exit: 1,
    transient: true,
    title: 'Sensor: overrun',
    text: 'Samples were lost because inference was too slow.',
    hint: 'Raise the hop of the front end or use a faster model.',
  },
  'sensor.stuck': {
    number: 609,
    status: 500,
    exit: 1,
    transient: false,
    title: 'Sensor: stuck',
    text: 'The sensor gives the same value again and again.',
    hint: 'Check the sensor, it may be broken or unpowered.',
  },
  'server.invalid-request': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Server: invalid request',
    text: 'The request is not valid: {summary}.',
    hint: 'Compare it with docs/api/openapi.json; `data.issues` lists every field.',
  },
  'server.not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Server: not found',
    text: 'There is nothing at {method} {path}.',
    hint: 'Look the address up in docs/api/openapi.json.',
  },
  'server.body-too-large': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Server: body too large',
    text: 'The request body is larger than {limitBytes} bytes.',
    hint: 'Send less at once.',
  },
  'server.body-too-slow': {
    status: 408,
    exit: 7,
    transient: true,
    title: 'Server: body too slow',
    text: "The request's body came slower than {bytesPerSecond} bytes a second for {seconds} seconds.",
    hint: 'Send it over a faster connection, or set TINYFLEET_HTTP_MIN_RATE and TINYFLEET_HTTP_PATIENCE_S to what your links can do.',
  },
  'server.unsupported-media': {
    status: 415,
    exit: 2,
    transient: false,
    title: 'Server: unsupported media',
    text: 'A body of type {type} is not understood here.',
    hint: 'Send `application/json`, or `application/octet-stream` for files.',
  },
  'server.internal': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Server: internal',
    text: 'TinyFleet met an unexpected failure (request {requestId}).',
    hint: 'Look for that request id in the server log and report it.',
  },
  'server.not-ready': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Server: not ready',
    text: 'The server is {state}.',
    hint: 'Try again in a moment.',
  },
  'server.port-in-use': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Server: port in use',
    text: 'Port {port} ({purpose}) on {host} is taken by {owner}.',
    hint: 'Stop it, or start with `--port-offset {suggestedOffset}` (all ports) or {option}.',
  },
  'server.port-refused': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Server: port refused',
    text: 'The system refuses to listen on {host}:{port} ({purpose}): {reason}.',
    hint: 'Choose a port above 1023 or an address of this machine, with {option}.',
  },
  'server.config-invalid': {
    status: 500,
    exit: 2,
    transient: false,
    title: 'Server: config invalid',
    text: 'The configuration is not valid: {summary}.',
    hint: 'Correct the named settings; docs/configuration.md lists all.',
  },
  'server.config-unreadable': {
    status: 500,
    exit: 2,
    transient: false,
    title: 'Server: config unreadable',
    text: 'The configuration file {path} cannot be read: {reason}.',
    hint: 'Check the path in TINYFLEET_CONFIG and that the file is YAML.',
  },
  'server.plain-beyond-loopback': {
    status: 500,
    exit: 2,
    transient: false,
    title: 'Server: plain beyond loopback',
    text: '{purpose} would listen on {host} without TLS.',
    hint: 'Use `--lan`, which opens TLS, or accept the risk with {option}.',
  },
  'server.idempotency-key-invalid': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Server: idempotency key invalid',
    text: 'The Idempotency-Key is not valid: {reason}.',
    hint: 'Send 1 to {maxCharacters} visible ASCII characters, such as a UUID, bare or in double quotes.',
  },
  'server.idempotency-key-reused': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Server: idempotency key reused',
    text: 'This Idempotency-Key was used before for another request.',
    hint: 'Make a new key for each request, and repeat it only with the very same request.',
  },
  'server.idempotency-in-progress': {
    status: 409,
    exit: 5,
    transient: true,
    title: 'Server: idempotency in progress',
    text: 'A request with this Idempotency-Key is being carried out.',
    hint: 'Ask again in a moment; then its answer is repeated.',
  },
  'server.idempotency-answer-lost': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Server: idempotency answer lost',
    text: 'The request with this Idempotency-Key was carried out, but its answer is not kept: {reason}.',
    hint: 'Read what it made; do not send it again.',
  },
  'server.idempotency-unsupported': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Server: idempotency unsupported',
    text: '{route} takes a stream of bytes, and an Idempotency-Key is for JSON requests only.',
    hint: 'Leave the header out. Names and digests keep such a request from being carried out twice.',
  },
  'server.precondition-failed': {
    status: 412,
    exit: 5,
    transient: false,
    title: 'Server: precondition failed',
    text: '{resource} is not what the request was made for: it has revision {revision} now.',
    hint: 'Read it again, look at what changed and send the request with the new ETag in If-Match.',
  },
  'server.precondition-invalid': {
    status: 400,
    exit: 2,
    transient: false,
    title: 'Server: precondition invalid',
    text: '{header} is not valid: {reason}.',
    hint: 'Send ETags as the server gave them, in double quotes and separated by commas, or `*`.',
  },
  'server.rate-limited': {
    status: 429,
    exit: 7,
    transient: true,
    title: 'Server: rate limited',
    text: 'Too many requests; the next one is allowed in {seconds} s.',
    hint: 'Send fewer at once, or raise TINYFLEET_API_RATE and TINYFLEET_API_BURST.',
  },
  'server.edge-silent': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Server: edge silent',
    text: 'The process that holds the connections of devices does not answer.',
    hint: 'Start one with the roles broker, ingest and ota on the same database, and try again.',
  },
  'server.too-many-listeners': {
    status: 429,
    exit: 7,
    transient: false,
    title: 'Server: too many listeners',
    text: '{limit} people listen to devices already.',
    hint: 'Wait until one of them ends, or raise TINYFLEET_LISTENERS (of all projects) or TINYFLEET_PROJECT_LISTENERS (of one) where the broker runs.',
  },
  'server.too-many-streams': {
    status: 429,
    exit: 7,
    transient: false,
    title: 'Server: too many streams',
    text: '{limit} streams of events are open for you here already.',
    hint: 'Close pages or commands that follow events, or raise TINYFLEET_LIMIT_STREAMS.',
  },
  'server.undeclared-error': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Server: undeclared error',
    text: 'The route {route} answered with {code}, which its description does not list.',
    hint: 'This is a defect in TinyFleet: list the code in libs/contracts/src/routes/route-errors.ts.',
  },
  'server.unaudited': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Server: unaudited',
    text: 'The route {route} changed something without an entry in the audit log.',
    hint: 'This is a defect in TinyFleet: append an entry in the transaction of the change.',
  },
  'simulator.config-invalid': {
    status: 422,
    exit: 2,
    transient: false,
    title: 'Simulator: config invalid',
    text: "The simulator's configuration {file} is not valid: {problem}",
    hint: 'Correct the named field; docs/design/simulator.md lists all of them.',
  },
  'simulator.scenario-unreadable': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Simulator: scenario unreadable',
    text: 'The scenario file {file} cannot be read: {problem}',
    hint: 'Check the path; apps/simulator/scenarios has examples.',
  },
  'simulator.scenario-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Simulator: scenario invalid',
    text: 'The scenario {file} is not valid at {path}: {problem}',
    hint: 'Correct the named entry; docs/design/simulator.md lists all fields with their units.',
  },
  'simulator.recording-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Simulator: recording invalid',
    text: 'The recording {file} is not readable as {format}: {problem}',
    hint: 'Give raw int8 or int16, CSV with one row per sample, NPY (version 1 or 2, C order) or WAV (PCM of 8 or 16 bits).',
  },
  'simulator.recording-too-short': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Simulator: recording too short',
    text: 'The recording {file} has {values} values, one frame of the model needs {required}.',
    hint: 'Use a longer recording.',
  },
  'simulator.firmware-unusable': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Simulator: firmware unusable',
    text: 'The firmware image cannot run here: {problem}',
    hint: 'Build the simulator and the firmware of one version: npm ci, npm run build.',
  },
  'simulator.memory-exhausted': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Simulator: memory exhausted',
    text: '{devices} devices need {required} bytes of WebAssembly memory; {limit} is the limit of one process.',
    hint: 'Start several simulators with fewer devices each.',
  },
  'simulator.provision-failed': {
    status: 500,
    exit: 1,
    transient: false,
    title: 'Simulator: provision failed',
    text: 'Device {device} did not take its factory image: error {error}.',
    hint: 'Check that the bundle was built for the device type and fits its slot.',
  },
  'simulator.boot-failed': {
    status: 500,
    exit: 1,
    transient: false,
    title: 'Simulator: boot failed',
    text: 'The firmware of device {device} did not start: error {error}.',
    hint: 'Look the number up in docs/errors; a fleet with a saved state starts afresh when its state file is removed.',
  },
  'simulator.runner-unusable': {
    status: 503,
    exit: 8,
    transient: false,
    title: 'Simulator: runner unusable',
    text: 'Devices of the runner {runner} cannot be built here: {problem}',
    hint: 'Install what is missing with `npm run setup-test-deps`, or simulate with --runner wasm, which needs nothing.',
  },
  'storage.data-dir-readonly': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: data dir readonly',
    text: 'TinyFleet cannot write to its data directory {path}: {reason}.',
    hint: 'Name a directory you may write to with TINYFLEET_DATA_DIR, or change the owner of this one.',
  },
  'storage.data-dir-unreachable': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: data dir unreachable',
    text: 'Postgres runs as the user {user}, who may not enter {blocked}, a parent of {path}.',
    hint: 'Set TINYFLEET_DATA_DIR to a directory below one that every user may enter, such as /var/lib/tinyfleet.',
  },
  'storage.disk-full': {
    status: 507,
    exit: 8,
    transient: true,
    title: 'Storage: disk full',
    text: '{path} has {freeMib} MiB of free space; TinyFleet needs {neededMib} MiB.',
    hint: 'Free some space on that file system, or move the data directory and set TINYFLEET_DATA_DIR. Nothing was lost.',
  },
  'storage.already-running': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: already running',
    text: 'Another TinyFleet (process {pid}) uses the data directory {path}.',
    hint: 'Stop it, or give this one another TINYFLEET_DATA_DIR and a `--port-offset`.',
  },
  'storage.other-version': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: other version',
    text: 'The database in {path} was made by Postgres {found}; this TinyFleet ships Postgres {expected}.',
    hint: 'Start the TinyFleet version that made it, or copy its data out with `pg_dump` of that version and point DATABASE_URL at a server that holds the copy. The directory was not changed.',
  },
  'storage.binaries-missing': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: binaries missing',
    text: 'There are no Postgres binaries for {platform}.',
    hint: 'Run `npm ci` without `--omit=optional`, or set DATABASE_URL to a Postgres 15 or newer.',
  },
  'storage.binaries-broken': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: binaries broken',
    text: 'The Postgres binaries in {path} do not run: {reason}.',
    hint: 'Run `npm ci` again. When the C library of this system is too old or not glibc, set DATABASE_URL to a Postgres 15 or newer.',
  },
  'storage.system-user': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: system user',
    text: 'Postgres refuses to run as root, and the system user {user} could not be made: {reason}.',
    hint: 'Make it with `useradd --system {user}`, run TinyFleet as an ordinary user, or set DATABASE_URL.',
  },
  'storage.initdb-failed': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: initdb failed',
    text: 'The first set-up of the database failed: {reason}.',
    hint: 'Read the text above; nothing was left behind, so starting again is safe.',
  },
  'storage.start-failed': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: start failed',
    text: 'Postgres did not start: {reason}.',
    hint: 'Read {log}. The data is untouched; a Postgres that was killed recovers at its next start.',
  },
  'storage.start-timeout': {
    status: 500,
    exit: 8,
    transient: true,
    title: 'Storage: start timeout',
    text: 'Postgres was not ready after {seconds} s.',
    hint: 'It may be recovering after a crash: look at {log} and start again.',
  },
  'storage.postgres-died': {
    status: 503,
    exit: 8,
    transient: true,
    title: 'Storage: postgres died',
    text: 'The embedded Postgres ended unexpectedly ({how}).',
    hint: 'Read {log}, then start TinyFleet again. Everything that was acknowledged is on disk.',
  },
  'storage.interrupted': {
    status: 503,
    exit: 7,
    transient: false,
    title: 'Storage: interrupted',
    text: 'The start was interrupted.',
    hint: 'Start again; a set-up that was cut short leaves nothing behind.',
  },
  'storage.server-too-old': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: server too old',
    text: 'DATABASE_URL names a Postgres {found}; TinyFleet needs {needed} or newer.',
    hint: 'Use a newer server, or unset DATABASE_URL for the embedded one.',
  },
  'storage.unreachable': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Storage: unreachable',
    text: 'The database at {target} does not answer: {reason}.',
    hint: 'Check DATABASE_URL and that the server runs. Devices keep their messages until it is back.',
  },
  'storage.schema-newer': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: schema newer',
    text: 'The database has migration {found}, which this TinyFleet does not know; its own last one is {known}.',
    hint: 'Start the TinyFleet version that made this schema, or a newer one.',
  },
  'storage.migration-failed': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Storage: migration failed',
    text: 'Migration {name} failed: {reason}.',
    hint: 'The schema is as it was before. Report this with the text above.',
  },
  'storage.migration-changed': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Storage: migration changed',
    text: 'Migration {name} was changed after it had been applied.',
    hint: 'Restore the file of the version that ran it; a change of the schema is a new migration.',
  },
  'storage.blob-missing': {
    status: 500,
    exit: 70,
    transient: false,
    title: 'Storage: blob missing',
    text: 'The stored file {digest} is gone from the blob directory.',
    hint: "Restore the data directory's `blobs` folder from a backup, or import the model again.",
  },
  'storage.blob-too-large': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Storage: blob too large',
    text: 'The upload has more than {limitBytes} bytes.',
    hint: 'Send a smaller file, or raise TINYFLEET_MAX_UPLOAD_BYTES.',
  },
  'storage.secret-mismatch': {
    status: 500,
    exit: 8,
    transient: false,
    title: 'Storage: secret mismatch',
    text: 'A stored key cannot be decrypted with the present secret.',
    hint: "Start with the TINYFLEET_SECRET, or the data directory's `secret` file, with which the key was made.",
  },
  'storage.contention': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Storage: contention',
    text: 'Others change the same at this moment: {attempts} attempts met them.',
    hint: 'Try again.',
  },
  'storage.lead-lost': {
    status: 503,
    exit: 7,
    transient: true,
    title: 'Storage: lead lost',
    text: 'Another process leads the role {role} by now.',
    hint: 'Nothing; the other one goes on from what was committed.',
  },
  'telemetry.label-unknown': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: label unknown',
    text: '{label} is not a class of the model.',
    hint: "Use a class number or one of the model's labels.",
  },
  'telemetry.range-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: range invalid',
    text: 'The time range is invalid: {reason}.',
    hint: 'Give from before to, at most {limit} days apart.',
  },
  'telemetry.buckets-too-many': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: buckets too many',
    text: 'Buckets of {bucketSeconds} seconds would be {count}; at most {limit} are answered.',
    hint: 'Ask for longer buckets or a shorter range.',
  },
  'telemetry.boot-unknown': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Telemetry: boot unknown',
    text: 'Device {device} never reported boot {bootId}.',
    hint: 'Check the boot id; it is 16 hexadecimal digits.',
  },
  'telemetry.window-too-old': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: window too old',
    text: 'The window started {startAt}; windows older than {days} days are not kept.',
    hint: 'The device was away for longer than raw telemetry is kept. Raise the retention if such devices are usual.',
  },
  'telemetry.window-in-future': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: window in future',
    text: 'The window starts {startAt}, which is {seconds} s ahead of the server.',
    hint: 'Set the clock of the device, or of the server.',
  },
  'telemetry.count-mismatch': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: count mismatch',
    text: "The window's histogram counts {counted} inferences, its header says {n}.",
    hint: "The device's summary is inconsistent; look at its memory and firmware.",
  },
  'telemetry.topic-unknown': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Telemetry: topic unknown',
    text: 'There is no topic up/{topic}.',
    hint: 'The firmware is newer than the server; update the server.',
  },
  'telemetry.json-invalid': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Telemetry: json invalid',
    text: 'The JSON of {message} is not valid at {field}: {reason}.',
    hint: 'Compare the sender with the section on telemetry.json in docs/spec/wire.md.',
  },
  'telemetry.unstorable': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: unstorable',
    text: 'The database refused the message: {reason}.',
    hint: 'The message holds a value that cannot be stored, such as a zero byte in a text. Correct the firmware.',
  },
  'telemetry.observability-invalid': {
    status: 400,
    exit: 6,
    transient: false,
    title: 'Telemetry: observability invalid',
    text: 'The payload of up/telemetry.nrf is not valid at {field}: {reason}.',
    hint: 'Send what `nrf_edgeai_obsv_encode_list` gives, unchanged; docs/telemetry-sources.md says which version.',
  },
  'telemetry.labels-header': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: labels header',
    text: "The file's first line has no column {column}; it has {found}.",
    hint: 'Name the columns device, bootId, inferenceIndex and label in the first line, as `tinyfleet labels next --output csv` prints them.',
  },
  'telemetry.labels-refused': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: labels refused',
    text: '{count} rows of the file are wrong; nothing was stored.',
    hint: 'Correct the rows that the answer lists by line and send the file again: labels that are stored already change nothing.',
  },
  'telemetry.labels-too-large': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Telemetry: labels too large',
    text: 'The file has more than {limit} {what}.',
    hint: 'Split it. Files may be sent in any order, and again.',
  },
  'telemetry.samples-off': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Telemetry: samples off',
    text: 'Project {project} keeps no samples.',
    hint: 'Samples are what devices measured. If that may leave them, allow it: `tinyfleet sample settings --on`. docs/privacy.md says what is kept and for how long.',
  },
  'telemetry.sample-not-found': {
    status: 404,
    exit: 4,
    transient: false,
    title: 'Telemetry: sample not found',
    text: 'There is no sample {sample}.',
    hint: 'List them with `tinyfleet sample list`. Samples are deleted when their time is over.',
  },
  'telemetry.sample-incomplete': {
    status: 409,
    exit: 5,
    transient: false,
    title: 'Telemetry: sample incomplete',
    text: 'Of the {bytes} bytes of sample {sample} not all have arrived.',
    hint: 'Wait for the device to send the rest, or ask it for another one.',
  },
  'telemetry.sample-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: sample invalid',
    text: 'A part of a sample is not valid: {reason}.',
    hint: 'Parts lie within the whole, and the whole is within limits.sampleBytes. Correct the firmware.',
  },
  'telemetry.retention-invalid': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: retention invalid',
    text: 'The retention cannot be set: {reason}.',
    hint: 'Sums live at least as long as the windows they are made of, and windows at most as long as the instance keeps them (TINYFLEET_TELEMETRY_DAYS).',
  },
  'telemetry.backfill-too-large': {
    status: 413,
    exit: 6,
    transient: false,
    title: 'Telemetry: backfill too large',
    text: 'At most {limit} {what} of windows are taken at once.',
    hint: 'Send the file in parts; `tinyfleet telemetry backfill` does.',
  },
  'telemetry.day-incomplete': {
    status: 422,
    exit: 6,
    transient: false,
    title: 'Telemetry: day incomplete',
    text: 'Windows of {day} are gone, or about to go: its sums cannot be made anew. The first day that can is {from}.',
    hint: 'Take a later day. Keep windows longer where sums have to be made anew: `tinyfleet telemetry retention`.',
  },
  'wire.invalid': {
    number: 101,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: invalid',
    text: 'The payload of {message} is not valid CBOR at byte {offset}: {reason}.',
    hint: 'Compare the sender with docs/spec/wire.md; `npx tinyfleet wire decode` shows where a captured payload breaks.',
  },
  'wire.truncated': {
    number: 102,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: truncated',
    text: 'The payload of {message} ends in the middle of an item, after {offset} bytes.',
    hint: 'Check that the sender passes the full length to publish and that its MQTT buffer holds the whole packet.',
  },
  'wire.too-large': {
    number: 103,
    status: 413,
    exit: 6,
    transient: false,
    title: 'Wire: too large',
    text: '{message} is {bytes} bytes; the limit is {limit}.',
    hint: 'Send less per message or raise the limit on the server if the network allows it.',
  },
  'wire.too-deep': {
    number: 104,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: too deep',
    text: '{message} nests deeper than {limit} levels.',
    hint: 'No message of the protocol nests that deep; check the encoder.',
  },
  'wire.key-missing': {
    number: 105,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: key missing',
    text: '{message} has no {field}.',
    hint: 'The field is required by docs/spec/wire.cddl; update the sender.',
  },
  'wire.type-mismatch': {
    number: 106,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: type mismatch',
    text: '{field} of {message} is {found}, expected {expected}.',
    hint: 'Check the encoder against docs/spec/wire.cddl.',
  },
  'wire.out-of-range': {
    number: 107,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: out of range',
    text: '{field} of {message} is {value}, outside {range}.',
    hint: 'Check the value before it is sent; the range is in docs/spec/wire.cddl.',
  },
  'wire.not-deterministic': {
    number: 108,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: not deterministic',
    text: '{message} is not deterministic CBOR at byte {offset}: {reason}.',
    hint: 'Use shortest integers, definite lengths and rising keys (RFC 8949 section 4.2).',
  },
  'wire.topic-invalid': {
    number: 109,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: topic invalid',
    text: '{topic} is not a topic of this protocol: {reason}.',
    hint: 'Topics are fleet/1/<project>/<device>/up/... and .../down/..., see docs/spec/wire.md.',
  },
  'wire.name-invalid': {
    number: 110,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: name invalid',
    text: '{value} is not a valid name.',
    hint: 'Names are 1 to 63 of a-z, 0-9, dot, underscore and hyphen, and start with a letter or digit.',
  },
  'wire.histogram-invalid': {
    number: 111,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: histogram invalid',
    text: 'The packed histogram {field} of {message} is invalid: {reason}.',
    hint: 'A histogram is one byte of bit width (0 to 16) and exactly the bytes that its counts need, see docs/spec/wire.md.',
  },
  'wire.picks-invalid': {
    number: 112,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: picks invalid',
    text: 'The picks of {message} are invalid: {reason}.',
    hint: 'Picks are 4 bytes each, at most 16 per window, with rising offsets below n.',
  },
  'wire.no-space': {
    number: 113,
    status: 500,
    exit: 70,
    transient: false,
    title: 'Wire: no space',
    text: 'The encoded {message} does not fit into {limit} bytes.',
    hint: 'Give the encoder a larger buffer or put fewer optional fields into the message.',
  },
  'wire.packet-too-large': {
    number: 114,
    status: 413,
    exit: 6,
    transient: false,
    title: 'Wire: packet too large',
    text: "A packet of {bytes} bytes is larger than the device's limit of {limit}.",
    hint: 'Announce the right max-packet-bytes in hello; the server then sends smaller chunks.',
  },
  'wire.mqtt-invalid': {
    number: 115,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: mqtt invalid',
    text: 'The MQTT packet is malformed: {reason}.',
    hint: 'Check the broker or the modem between device and platform.',
  },
  'wire.transfer-unknown': {
    number: 116,
    status: 404,
    exit: 4,
    transient: false,
    title: 'Wire: transfer unknown',
    text: 'No transfer {transfer} is open for this device.',
    hint: 'Say hello again; the answer names the current transfer.',
  },
  'wire.chunk-crc': {
    number: 117,
    status: 400,
    exit: 6,
    transient: true,
    title: 'Wire: chunk crc',
    text: 'The chunk at offset {offset} has another CRC than it says.',
    hint: 'The device asks for it again. When it repeats, look at the link between modem and device.',
  },
  'wire.chunk-range': {
    number: 118,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: chunk range',
    text: 'The range at offset {offset} is outside the payload of {bytes} bytes.',
    hint: 'Check the transfer id and offset in the want message.',
  },
  'wire.method-unsupported': {
    number: 119,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Wire: method unsupported',
    text: 'The device cannot use transfer method {method}.',
    hint: 'The platform offers the full payload next.',
  },
  'wire.base-missing': {
    number: 120,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Wire: base missing',
    text: 'The device does not hold the base the delta was made against.',
    hint: 'The platform offers the full payload next.',
  },
  'wire.duplicate-key': {
    number: 121,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: duplicate key',
    text: '{message} has the key {field} twice.',
    hint: 'Check the encoder: each key may appear once.',
  },
  'wire.message-unknown': {
    number: 122,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: message unknown',
    text: '{message} is not a message of this protocol.',
    hint: 'Messages are hello, state, want, telemetry, sample, desired, chunk and ask.',
  },
  'wire.telemetry-too-old': {
    number: 123,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Wire: telemetry too old',
    text: 'The window started {age} ago; raw windows older than {limit} are refused.',
    hint: 'The device was offline longer than raw data is kept. Raise the retention if such windows matter.',
  },
  'wire.json-invalid': {
    number: 124,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: json invalid',
    text: 'The JSON telemetry is invalid: {reason}.',
    hint: 'See docs/spec/wire.md for the JSON form; numbers are plain, byte strings base64.',
  },
  'wire.payload-invalid': {
    number: 125,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Wire: payload invalid',
    text: 'The {method} payload cannot be decoded: {reason}.',
    hint: 'The platform offers the full payload next. When a payload fails on several devices, report it: payloads are proved before they are offered.',
  },
  'wire.payload-crc': {
    number: 126,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Wire: payload crc',
    text: 'A block of the {method} payload gives other bytes than it says: the base is not what it was made from.',
    hint: 'The platform offers the full payload next. When it repeats on one device, its flash loses bits.',
  },
  'wire.packet-too-small': {
    number: 127,
    status: 422,
    exit: 6,
    transient: false,
    title: 'Wire: packet too small',
    text: 'A packet of {bytes} bytes is needed; {device} says that it takes {limit}.',
    hint: 'Raise the packet buffer in the firmware and what its hello says: 512 bytes do for the reduced profile, 1,536 otherwise.',
  },
  'wire.packed-invalid': {
    number: 128,
    status: 400,
    exit: 6,
    transient: false,
    title: 'Wire: packed invalid',
    text: 'The packed window of {message} is invalid: {reason}.',
    hint: 'Compare the sender with docs/spec/wire.md, Packed window; golden ones are in firmware-stubs/vectors/window.json.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errors;
type Value = string | number | bigint;

/** The placeholders of each text. */
export interface ErrorData {
  'agent.no-model': Record<never, Value>;
  'agent.trial-resets': { count: Value };
  'agent.transfer-timeout': { seconds: Value };
  'agent.connection-refused': Record<never, Value>;
  'agent.slot-corrupt': Record<never, Value>;
  'agent.busy': Record<never, Value>;
  'agent.ask-refused': Record<never, Value>;
  'agent.ask-replayed': { counter: Value };
  'agent.command-unsupported': { command: Value };
  'agent.aborted': Record<never, Value>;
  'agent.reverted': Record<never, Value>;
  'agent.retained-missing': Record<never, Value>;
  'agent.shadow-unavailable': Record<never, Value>;
  'agent.argument-invalid': Record<never, Value>;
  'agent.buffer-too-small': Record<never, Value>;
  'agent.platform-invalid': Record<never, Value>;
  'agent.entropy-failed': Record<never, Value>;
  'agent.health-failed': Record<never, Value>;
  'agent.manifest-missing': Record<never, Value>;
  'agent.battery-low': Record<never, Value>;
  'agent.parameters-missing': Record<never, Value>;
  'agent.parameters-invalid': Record<never, Value>;
  'agent.firmware-failed': Record<never, Value>;
  'agent.firmware-lost': Record<never, Value>;
  'agent.firmware-offline': Record<never, Value>;
  'auth.unauthenticated': Record<never, Value>;
  'auth.forbidden': { needed: Value; role: Value };
  'auth.bad-login': Record<never, Value>;
  'auth.too-many-attempts': { seconds: Value };
  'auth.setup-done': Record<never, Value>;
  'auth.setup-link-invalid': Record<never, Value>;
  'auth.cross-origin': { origin: Value };
  'auth.token-exists': { name: Value };
  'auth.token-not-found': { name: Value };
  'auth.person-exists': { email: Value };
  'auth.person-not-found': { email: Value };
  'auth.last-instance-admin': { email: Value };
  'auth.last-admin': { email: Value };
  'auth.member-not-found': { email: Value };
  'auth.member-exists': { email: Value };
  'auth.invitation-not-found': Record<never, Value>;
  'auth.link-invalid': Record<never, Value>;
  'auth.bad-password': Record<never, Value>;
  'auth.password-short': { characters: Value };
  'auth.no-password': Record<never, Value>;
  'auth.session-not-found': Record<never, Value>;
  'auth.token-scope': { name: Value; reason: Value };
  'auth.token-limit': { limit: Value };
  'auth.area-unknown': { areas: Value; known: Value };
  'auth.oidc-off': Record<never, Value>;
  'auth.oidc-failed': { provider: Value; reason: Value };
  'auth.oidc-expired': Record<never, Value>;
  'auth.oidc-email-unverified': Record<never, Value>;
  'auth.oidc-account-unproven': { email: Value };
  'auth.oidc-identity-taken': Record<never, Value>;
  'auth.oidc-no-account': { email: Value };
  'auth.session-needed': Record<never, Value>;
  'auth.cli-login-invalid': Record<never, Value>;
  'builds.not-found': { model: Value; version: Value; type: Value };
  'builds.not-finished': { model: Value; version: Value; type: Value; state: Value };
  'builds.not-cancellable': { model: Value; version: Value; type: Value; state: Value };
  'builds.not-retryable': { model: Value; version: Value; type: Value; state: Value };
  'builds.no-types': Record<never, Value>;
  'builds.cancelled': Record<never, Value>;
  'builds.worker-died': { reason: Value };
  'builds.ops-missing': { type: Value; ops: Value };
  'builds.timeout': { seconds: Value };
  'builds.payload-wrong': { method: Value };
  'bundle.not-a-bundle': Record<never, Value>;
  'bundle.truncated': { bytes: Value; expected: Value };
  'bundle.abi-unsupported': { required: Value; found: Value };
  'bundle.op-unsupported': { op: Value };
  'bundle.op-version-unsupported': { version: Value; op: Value };
  'bundle.digest-mismatch': Record<never, Value>;
  'bundle.section-invalid': { section: Value };
  'bundle.section-unknown': { section: Value };
  'bundle.section-missing': { section: Value };
  'bundle.tensor-out-of-bounds': { tensor: Value };
  'bundle.arena-too-small': { required: Value; found: Value };
  'bundle.state-too-small': { required: Value; found: Value };
  'bundle.misaligned': { alignment: Value };
  'bundle.plan-invalid': { step: Value };
  'bundle.quantization-invalid': { step: Value };
  'bundle.shape-invalid': { step: Value };
  'bundle.layout-unsupported': { step: Value };
  'bundle.header-invalid': Record<never, Value>;
  'bundle.golden-invalid': Record<never, Value>;
  'bundle.monitors-invalid': Record<never, Value>;
  'bundle.labels-invalid': Record<never, Value>;
  'bundle.front-end-unsupported': Record<never, Value>;
  'bundle.stack-too-small': { required: Value; found: Value };
  'bundle.contract-invalid': Record<never, Value>;
  'bundle.front-end-invalid': Record<never, Value>;
  'cli.usage': { reason: Value };
  'cli.no-context': Record<never, Value>;
  'cli.no-login': { url: Value };
  'cli.no-project': { projects: Value };
  'cli.file-not-found': { path: Value };
  'cli.file-unreadable': { path: Value; reason: Value };
  'cli.file-exists': { path: Value };
  'cli.file-unwritable': { path: Value; reason: Value };
  'cli.process-failed': { process: Value; reason: Value };
  'cli.not-built': { path: Value };
  'cli.demo-missing': Record<never, Value>;
  'cli.timeout': { what: Value; seconds: Value };
  'cli.checks-failed': { count: Value };
  'cli.interrupted': Record<never, Value>;
  'cli.provision-failed': { runner: Value; problem: Value };
  'cli.login-refused': Record<never, Value>;
  'client.unreachable': { url: Value };
  'client.unknown': Record<never, Value>;
  'compiler.not-a-model': { file: Value; reason: Value };
  'compiler.model-damaged': { reason: Value; offset: Value };
  'compiler.limit-exceeded': { found: Value; what: Value; limit: Value };
  'compiler.op-unsupported': { count: Value; ops: Value; supported: Value };
  'compiler.option-unsupported': { op: Value; option: Value };
  'compiler.mixed-types': { float: Value; type: Value; integer: Value };
  'compiler.quantize-unsupported': { count: Value; ops: Value };
  'compiler.float-unsupported': { count: Value; ops: Value };
  'compiler.type-unsupported': { tensor: Value; op: Value; type: Value; expected: Value };
  'compiler.shape-unsupported': { tensor: Value; shape: Value; reason: Value };
  'compiler.quantization-invalid': { tensor: Value; reason: Value };
  'compiler.graph-invalid': { op: Value; reason: Value };
  'compiler.weights-invalid': { weight: Value; layer: Value; reason: Value };
  'compiler.files-missing': { file: Value; missing: Value };
  'compiler.batch-chosen': { tensor: Value; extent: Value; batch: Value };
  'compiler.layout-moved': { tensor: Value; from: Value; to: Value };
  'compiler.initializer-unsupported': { subgraph: Value; reason: Value };
  'compiler.slot-too-small': { deviceType: Value; required: Value; constants: Value; available: Value };
  'compiler.arena-too-small': {
    required: Value;
    deviceType: Value;
    available: Value;
    step: Value;
    op: Value;
  };
  'compiler.state-too-small': { required: Value; deviceType: Value; available: Value };
  'compiler.labels-invalid': { found: Value; expected: Value };
  'compiler.sensor-invalid': { reason: Value };
  'compiler.self-test-failed': { reason: Value };
  'compiler.c-library-unsupported': { reason: Value };
  'compiler.tflite-unsupported': { reason: Value };
  'compiler.calibration-invalid': { reason: Value };
  'compiler.calibration-missing': { low: Value; high: Value };
  'compiler.validation-invalid': { reason: Value };
  'compiler.labels-missing': { classes: Value };
  'compiler.golden-weak': { distinct: Value; tried: Value };
  'compiler.front-end-invalid': { reason: Value };
  'compiler.trees-invalid': { reason: Value };
  'compiler.trees-quantized': {
    trees: Value;
    nodes: Value;
    features: Value;
    dtype: Value;
    exact: Value;
    error: Value;
  };
  'compiler.state-starts-anew': { steps: Value };
  'compiler.bonsai-quantized': {
    depth: Value;
    projected: Value;
    classes: Value;
    most: Value;
    error: Value;
    branch: Value;
  };
  'compiler.distances-invalid': { reason: Value };
  'compiler.options-invalid': { reason: Value };
  'firmware.not-found': { firmware: Value };
  'firmware.version-not-found': { firmware: Value; version: Value };
  'firmware.image-exists': { firmware: Value; version: Value; type: Value };
  'firmware.name-taken': { name: Value; component: Value };
  'firmware.invalid': { reason: Value };
  'firmware.in-release': { firmware: Value; version: Value; release: Value };
  'flash.read-failed': { offset: Value };
  'flash.write-failed': { offset: Value };
  'flash.erase-failed': { offset: Value };
  'flash.out-of-range': { offset: Value };
  'flash.misaligned': { offset: Value };
  'flash.verify-failed': { offset: Value };
  'flash.not-erased': { offset: Value };
  'flash.geometry-invalid': Record<never, Value>;
  'flash.slot-too-small': Record<never, Value>;
  'flash.record-corrupt': Record<never, Value>;
  'flash.map-failed': Record<never, Value>;
  'flash.worn': Record<never, Value>;
  'manifest.invalid': { offset: Value; reason: Value };
  'manifest.truncated': { bytes: Value };
  'manifest.too-large': { bytes: Value; limit: Value };
  'manifest.outside-template': { reason: Value };
  'manifest.signature-invalid': Record<never, Value>;
  'manifest.algorithm-unsupported': { algorithm: Value };
  'manifest.key-unknown': { key: Value };
  'manifest.digest-mismatch': Record<never, Value>;
  'manifest.vendor-mismatch': Record<never, Value>;
  'manifest.class-mismatch': Record<never, Value>;
  'manifest.component-unknown': Record<never, Value>;
  'manifest.downgrade': { sequence: Value; current: Value };
  'manifest.below-floor': { sequence: Value; floor: Value };
  'manifest.expired': { until: Value };
  'manifest.abi-unsupported': { required: Value; found: Value };
  'manifest.ops-missing': { ops: Value };
  'manifest.arena-too-small': { required: Value; found: Value };
  'manifest.state-too-small': { required: Value; found: Value };
  'manifest.firmware-too-old': { required: Value; found: Value };
  'manifest.slot-too-small': { bytes: Value; limit: Value };
  'manifest.version-unsupported': { version: Value };
  'manifest.digest-refused': Record<never, Value>;
  'manifest.device-key-missing': { device: Value };
  'manifest.firmware-incompatible': Record<never, Value>;
  'models.not-found': { model: Value };
  'models.version-not-found': { model: Value; version: Value };
  'models.version-exists': { version: Value; model: Value };
  'models.labels-mismatch': { given: Value; classes: Value };
  'models.too-many-labels': { given: Value; limit: Value };
  'models.validation-invalid': { part: Value; reason: Value };
  'models.build-known': { build: Value; release: Value };
  'mqtt.client-id-invalid': { clientId: Value };
  'mqtt.will-refused': { clientId: Value };
  'mqtt.credentials-wrong': { clientId: Value };
  'mqtt.device-pending': { clientId: Value };
  'mqtt.device-rejected': { clientId: Value };
  'mqtt.device-disabled': { clientId: Value };
  'mqtt.websocket-without-token': { clientId: Value };
  'mqtt.too-many-failures': { address: Value; clientId: Value };
  'mqtt.too-many-connections': { connections: Value };
  'mqtt.credentials-unreadable': { clientId: Value };
  'mqtt.certificate-self-signed': { clientId: Value };
  'mqtt.certificate-authority-unknown': { clientId: Value; issuer: Value };
  'mqtt.certificate-expired': { clientId: Value; notAfter: Value };
  'mqtt.certificate-not-yet-valid': { clientId: Value; notBefore: Value };
  'mqtt.certificate-revoked': { clientId: Value; serial: Value };
  'mqtt.certificate-other-device': { commonName: Value; clientId: Value };
  'mqtt.certificate-unsuitable': { clientId: Value; reason: Value };
  'mqtt.certificate-quota': { authority: Value; quota: Value };
  'mqtt.packet-too-large': { clientId: Value; limit: Value };
  'mqtt.topic-refused': { clientId: Value; topic: Value };
  'mqtt.subscription-refused': { clientId: Value; topic: Value };
  'mqtt.too-many-messages': { clientId: Value };
  'mqtt.database-away': { clientId: Value };
  'mqtt.keepalive-too-short': { clientId: Value; limit: Value };
  'provisioning.credential-not-found': { device: Value; id: Value };
  'provisioning.credentials-too-many': { device: Value; limit: Value };
  'provisioning.certificate-known': { device: Value };
  'provisioning.key-not-found': { key: Value };
  'provisioning.key-exists': { key: Value };
  'provisioning.key-invalid': Record<never, Value>;
  'provisioning.quota-used': { quota: Value };
  'provisioning.approvals-full': { limit: Value };
  'provisioning.type-refused': { type: Value };
  'provisioning.type-needed': Record<never, Value>;
  'provisioning.name-invalid': { name: Value };
  'provisioning.name-needed': Record<never, Value>;
  'provisioning.device-taken': { device: Value };
  'provisioning.rejected': { device: Value };
  'provisioning.not-waiting': { device: Value };
  'provisioning.code-invalid': Record<never, Value>;
  'provisioning.too-many-attempts': { seconds: Value };
  'provisioning.too-many-at-once': { limit: Value; seconds: Value };
  'provisioning.authority-not-found': { authority: Value };
  'provisioning.authority-exists': { authority: Value };
  'provisioning.authorities-too-many': { limit: Value };
  'provisioning.certificate-invalid': { reason: Value };
  'provisioning.crl-invalid': { reason: Value };
  'provisioning.proof-invalid': { authority: Value; reason: Value };
  'provisioning.not-unproven': { authority: Value; state: Value };
  'provisioning.authority-cannot-sign': Record<never, Value>;
  'provisioning.request-invalid': { reason: Value };
  'provisioning.renewal-refused': { reason: Value };
  'quality.option-invalid': { option: Value; wanted: Value; value: Value };
  'quality.observation-invalid': { value: Value; wanted: Value };
  'quality.histograms-differ': { left: Value; right: Value };
  'quality.budget-unreadable': { text: Value };
  'quality.state-unusable': { reason: Value };
  'quality.alert-not-found': { alert: Value };
  'quality.alert-resolved': { alert: Value };
  'quality.baseline-invalid': { reason: Value; least: Value; most: Value };
  'quality.alert-route-not-found': { route: Value };
  'quality.alert-route-exists': { route: Value };
  'quality.alert-routes-too-many': { limit: Value };
  'quality.alert-route-invalid': { reason: Value };
  'registry.project-not-found': { project: Value };
  'registry.project-exists': { project: Value };
  'registry.type-not-found': { type: Value };
  'registry.type-exists': { type: Value };
  'registry.type-built-in': { type: Value };
  'registry.type-in-use': { type: Value; change: Value; uses: Value };
  'registry.type-invalid': { type: Value; reason: Value };
  'registry.device-not-found': { device: Value };
  'registry.device-exists': { device: Value };
  'registry.filter-invalid': { at: Value; reason: Value };
  'registry.filter-too-complex': { terms: Value; limit: Value };
  'registry.cursor-invalid': Record<never, Value>;
  'registry.command-invalid': { command: Value; reason: Value };
  'registry.command-unsigned': { device: Value };
  'registry.commands-too-many': { device: Value; limit: Value };
  'registry.state-invalid': { device: Value; state: Value; move: Value };
  'registry.attribute-invalid': { key: Value; reason: Value };
  'registry.attributes-too-many': { count: Value; limit: Value };
  'registry.attributes-stale': { device: Value; version: Value; expected: Value };
  'registry.group-not-found': { group: Value };
  'registry.group-exists': { group: Value };
  'registry.group-cycle': { group: Value };
  'registry.group-in-use': { group: Value; other: Value };
  'registry.group-static': { group: Value; kind: Value; reason: Value };
  'registry.group-members-too-many': { count: Value; limit: Value };
  'registry.bulk-too-many-open': { limit: Value };
  'registry.bulk-action-not-found': { action: Value };
  'registry.bulk-action-over': { action: Value; state: Value };
  'registry.bulk-author-gone': { action: Value; actor: Value };
  'registry.bulk-count-changed': { count: Value; expected: Value };
  'registry.bulk-filter-empty': Record<never, Value>;
  'registry.groups-too-many': { limit: Value };
  'registry.tags-too-many': { device: Value; count: Value; limit: Value };
  'registry.import-header': { reason: Value };
  'registry.import-empty': Record<never, Value>;
  'registry.import-encoding': { found: Value };
  'registry.import-too-large': { limitBytes: Value };
  'registry.import-too-many-rows': { limit: Value };
  'registry.import-refused': { count: Value; rows: Value };
  'registry.import-fields': { found: Value; expected: Value };
  'registry.import-value': { column: Value; reason: Value };
  'registry.import-broken': { line: Value; reason: Value };
  'registry.import-duplicate': { device: Value; line: Value };
  'registry.import-type-differs': { device: Value; type: Value };
  'registry.import-busy': { limit: Value };
  'registry.import-conflict': Record<never, Value>;
  'registry.import-interrupted': Record<never, Value>;
  'registry.import-not-found': { import: Value };
  'registry.import-exists': { import: Value };
  'registry.import-tokens-gone': { reason: Value };
  'registry.webhook-not-found': { webhook: Value };
  'registry.webhook-exists': { webhook: Value };
  'registry.webhooks-too-many': { limit: Value };
  'registry.webhook-url': { reason: Value };
  'registry.webhook-event': { event: Value; known: Value };
  'registry.webhook-replay-too-long': { limit: Value };
  'registry.delivery-not-found': { delivery: Value };
  'releases.not-found': { release: Value };
  'releases.exists': { release: Value };
  'releases.no-builds': { release: Value };
  'releases.builds-open': { release: Value; types: Value };
  'releases.not-signed': { release: Value };
  'releases.no-key': Record<never, Value>;
  'releases.manifest-too-large': { type: Value; bytes: Value; limit: Value };
  'releases.rotation-open': { key: Value };
  'releases.key-not-next': { key: Value };
  'releases.key-not-spread': { missing: Value; devices: Value; key: Value };
  'releases.not-after-past': { notAfter: Value };
  'releases.expired': { release: Value; notAfter: Value };
  'releases.revoked': { release: Value };
  'releases.not-approved': { release: Value; state: Value };
  'releases.wrong-state': { release: Value; state: Value; verb: Value; from: Value };
  'releases.approver-no-person': { release: Value; actor: Value };
  'releases.own-approval': { release: Value };
  'releases.not-valid': { release: Value; reasons: Value };
  'releases.key-unknown': { key: Value };
  'releases.key-elsewhere': { key: Value; release: Value };
  'releases.signature-invalid': { what: Value; key: Value };
  'releases.signatures-missing': { what: Value };
  'releases.releases-unsigned': { count: Value; key: Value; releases: Value };
  'releases.key-exists': { key: Value };
  'releases.key-not-closable': { key: Value; state: Value };
  'releases.no-provenance': { release: Value };
  'releases.key-other': { asked: Value; key: Value };
  'releases.request-invalid': { release: Value };
  'releases.handover-invalid': { key: Value; held: Value };
  'releases.handover-counter': { device: Value; counter: Value; limit: Value };
  'releases.firmware-missing': { firmware: Value; release: Value; types: Value };
  'releases.firmware-unfit': { release: Value; firmware: Value; type: Value; reason: Value };
  'releases.firmware-alone': { release: Value };
  'rollouts.not-found': { rollout: Value; project: Value };
  'rollouts.empty-target': { filter: Value };
  'rollouts.no-build-for-types': { release: Value; deviceTypes: Value };
  'rollouts.devices-busy': { rollout: Value; priority: Value; count: Value };
  'rollouts.not-running': { rollout: Value; state: Value };
  'rollouts.failed': { rollout: Value; reason: Value };
  'rollouts.aborted': { rollout: Value };
  'rollouts.deployment-not-found': { deployment: Value; project: Value };
  'rollouts.approver-no-person': { rollout: Value; actor: Value };
  'rollouts.simulation-kind': { kind: Value };
  'rollouts.simulation-busy': { limit: Value };
  'rollouts.gates-died': { reason: Value };
  'rollouts.simulations-of-project': { limit: Value };
  'rollouts.simulation-died': { reason: Value };
  'rollouts.own-approval': { rollout: Value };
  'rollouts.is-shadow': { rollout: Value };
  'rollouts.firmware-shadow': { release: Value };
  'rollouts.same-release': { release: Value };
  'rollouts.no-update-rule': { device: Value };
  'runtime.not-loaded': Record<never, Value>;
  'runtime.golden-mismatch': { vector: Value };
  'runtime.step-mismatch': { step: Value };
  'runtime.latency-exceeded': { latency: Value; limit: Value };
  'runtime.arena-exceeded': Record<never, Value>;
  'runtime.argument-invalid': Record<never, Value>;
  'runtime.stack-exceeded': Record<never, Value>;
  'runtime.busy': Record<never, Value>;
  'runtime.kernel-failed': { step: Value };
  'runtime.input-missing': Record<never, Value>;
  'runtime.watchdog': Record<never, Value>;
  'sensor.missing': { sensor: Value };
  'sensor.rate-mismatch': { required: Value; found: Value };
  'sensor.axes-mismatch': { required: Value; found: Value };
  'sensor.unit-mismatch': Record<never, Value>;
  'sensor.full-scale-mismatch': { required: Value; found: Value };
  'sensor.read-failed': Record<never, Value>;
  'sensor.timeout': Record<never, Value>;
  'sensor.overrun': Record<never, Value>;
  'sensor.stuck': Record<never, Value>;
  'server.invalid-request': { summary: Value };
  'server.not-found': { method: Value; path: Value };
  'server.body-too-large': { limitBytes: Value };
  'server.body-too-slow': { bytesPerSecond: Value; seconds: Value };
  'server.unsupported-media': { type: Value };
  'server.internal': { requestId: Value };
  'server.not-ready': { state: Value };
  'server.port-in-use': {
    port: Value;
    purpose: Value;
    host: Value;
    owner: Value;
    suggestedOffset: Value;
    option: Value;
  };
  'server.port-refused': { host: Value; port: Value; purpose: Value; reason: Value; option: Value };
  'server.config-invalid': { summary: Value };
  'server.config-unreadable': { path: Value; reason: Value };
  'server.plain-beyond-loopback': { purpose: Value; host: Value; option: Value };
  'server.idempotency-key-invalid': { reason: Value; maxCharacters: Value };
  'server.idempotency-key-reused': Record<never, Value>;
  'server.idempotency-in-progress': Record<never, Value>;
  'server.idempotency-answer-lost': { reason: Value };
  'server.idempotency-unsupported': { route: Value };
  'server.precondition-failed': { resource: Value; revision: Value };
  'server.precondition-invalid': { header: Value; reason: Value };
  'server.rate-limited': { seconds: Value };
  'server.edge-silent': Record<never, Value>;
  'server.too-many-listeners': { limit: Value };
  'server.too-many-streams': { limit: Value };
  'server.undeclared-error': { route: Value; code: Value };
  'server.unaudited': { route: Value };
  'simulator.config-invalid': { file: Value; problem: Value };
  'simulator.scenario-unreadable': { file: Value; problem: Value };
  'simulator.scenario-invalid': { file: Value; path: Value; problem: Value };
  'simulator.recording-invalid': { file: Value; format: Value; problem: Value };
  'simulator.recording-too-short': { file: Value; values: Value; required: Value };
  'simulator.firmware-unusable': { problem: Value };
  'simulator.memory-exhausted': { devices: Value; required: Value; limit: Value };
  'simulator.provision-failed': { device: Value; error: Value };
  'simulator.boot-failed': { device: Value; error: Value };
  'simulator.runner-unusable': { runner: Value; problem: Value };
  'storage.data-dir-readonly': { path: Value; reason: Value };
  'storage.data-dir-unreachable': { user: Value; blocked: Value; path: Value };
  'storage.disk-full': { path: Value; freeMib: Value; neededMib: Value };
  'storage.already-running': { pid: Value; path: Value };
  'storage.other-version': { path: Value; found: Value; expected: Value };
  'storage.binaries-missing': { platform: Value };
  'storage.binaries-broken': { path: Value; reason: Value };
  'storage.system-user': { user: Value; reason: Value };
  'storage.initdb-failed': { reason: Value };
  'storage.start-failed': { reason: Value; log: Value };
  'storage.start-timeout': { seconds: Value; log: Value };
  'storage.postgres-died': { how: Value; log: Value };
  'storage.interrupted': Record<never, Value>;
  'storage.server-too-old': { found: Value; needed: Value };
  'storage.unreachable': { target: Value; reason: Value };
  'storage.schema-newer': { found: Value; known: Value };
  'storage.migration-failed': { name: Value; reason: Value };
  'storage.migration-changed': { name: Value };
  'storage.blob-missing': { digest: Value };
  'storage.blob-too-large': { limitBytes: Value };
  'storage.secret-mismatch': Record<never, Value>;
  'storage.contention': { attempts: Value };
  'storage.lead-lost': { role: Value };
  'telemetry.label-unknown': { label: Value };
  'telemetry.range-invalid': { reason: Value; limit: Value };
  'telemetry.buckets-too-many': { bucketSeconds: Value; count: Value; limit: Value };
  'telemetry.boot-unknown': { device: Value; bootId: Value };
  'telemetry.window-too-old': { startAt: Value; days: Value };
  'telemetry.window-in-future': { startAt: Value; seconds: Value };
  'telemetry.count-mismatch': { counted: Value; n: Value };
  'telemetry.topic-unknown': { topic: Value };
  'telemetry.json-invalid': { message: Value; field: Value; reason: Value };
  'telemetry.unstorable': { reason: Value };
  'telemetry.observability-invalid': { field: Value; reason: Value };
  'telemetry.labels-header': { column: Value; found: Value };
  'telemetry.labels-refused': { count: Value };
  'telemetry.labels-too-large': { limit: Value; what: Value };
  'telemetry.samples-off': { project: Value };
  'telemetry.sample-not-found': { sample: Value };
  'telemetry.sample-incomplete': { bytes: Value; sample: Value };
  'telemetry.sample-invalid': { reason: Value };
  'telemetry.retention-invalid': { reason: Value };
  'telemetry.backfill-too-large': { limit: Value; what: Value };
  'telemetry.day-incomplete': { day: Value; from: Value };
  'wire.invalid': { message: Value; offset: Value; reason: Value };
  'wire.truncated': { message: Value; offset: Value };
  'wire.too-large': { message: Value; bytes: Value; limit: Value };
  'wire.too-deep': { message: Value; limit: Value };
  'wire.key-missing': { message: Value; field: Value };
  'wire.type-mismatch': { field: Value; message: Value; found: Value; expected: Value };
  'wire.out-of-range': { field: Value; message: Value; value: Value; range: Value };
  'wire.not-deterministic': { message: Value; offset: Value; reason: Value };
  'wire.topic-invalid': { topic: Value; reason: Value };
  'wire.name-invalid': { value: Value };
  'wire.histogram-invalid': { field: Value; message: Value; reason: Value };
  'wire.picks-invalid': { message: Value; reason: Value };
  'wire.no-space': { message: Value; limit: Value };
  'wire.packet-too-large': { bytes: Value; limit: Value };
  'wire.mqtt-invalid': { reason: Value };
  'wire.transfer-unknown': { transfer: Value };
  'wire.chunk-crc': { offset: Value };
  'wire.chunk-range': { offset: Value; bytes: Value };
  'wire.method-unsupported': { method: Value };
  'wire.base-missing': Record<never, Value>;
  'wire.duplicate-key': { message: Value; field: Value };
  'wire.message-unknown': { message: Value };
  'wire.telemetry-too-old': { age: Value; limit: Value };
  'wire.json-invalid': { reason: Value };
  'wire.payload-invalid': { method: Value; reason: Value };
  'wire.payload-crc': { method: Value };
  'wire.packet-too-small': { bytes: Value; device: Value; limit: Value };
  'wire.packed-invalid': { message: Value; reason: Value };
}
