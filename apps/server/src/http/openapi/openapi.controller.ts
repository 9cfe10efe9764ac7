/** The API's own description, open like the repository it is committed in (docs/api/openapi.json). */
import { Controller, Get } from '@nestjs/common';
import { openApiDocument } from '@tinyfleet/contracts';

@Controller()
export class OpenApiController {
  private document: Record<string, unknown> | undefined;

  @Get('openapi.json')
  describe(): Record<string, unknown> {
    return (this.document ??= openApiDocument('1'));
  }
}
