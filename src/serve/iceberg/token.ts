import { MillraceError } from '../../core/errors.ts';
import type { Services } from '../services.ts';

/**
 * `POST /v1/oauth/tokens`, client credentials (RFC 6749, 4.4): a key is its own token, so that taking the
 * key away takes the token away.
 */
export function tokenFor(form: URLSearchParams, services: Services): object {
  const grant = form.get('grant_type');
  if (grant === 'urn:ietf:params:oauth:grant-type:token-exchange')
    return answer(form.get('subject_token') ?? '', services);
  if (grant !== 'client_credentials')
    throw new MillraceError(
      'MR_REQUEST_INVALID',
      `grant_type '${grant ?? ''}' is not supported. Use client_credentials, with the key's id as client_id and the key as client_secret.`,
      { details: { oauth: 'unsupported_grant_type' } },
    );
  const id = form.get('client_id');
  const secret = form.get('client_secret') ?? '';
  const principal = services.requiresKeys ? services.authenticate(secret) : undefined;
  if (principal && id !== null && id !== '' && principal.id !== id)
    throw new MillraceError(
      'MR_ACCESS_UNAUTHENTICATED',
      `client_id '${id}' is not the id of the key in client_secret.`,
    );
  return answer(secret, services);
}

function answer(token: string, services: Services): object {
  if (services.requiresKeys && !services.authenticate(token))
    throw new MillraceError(
      'MR_ACCESS_UNAUTHENTICATED',
      'The key in client_secret is not known here, or was revoked. `millrace keys create --role reader` makes one.',
    );
  return {
    access_token: token === '' ? 'none' : token,
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'bearer',
    expires_in: 24 * 60 * 60,
  };
}
