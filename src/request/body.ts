/** Forms. */
import { HttpError } from "../errors.ts";

/** The standard `FormData`, as `Request.formData` gives it. */
export type Form = Awaited<ReturnType<Request["formData"]>>;

/** @throws HttpError 415 if the body is of neither form type, 400 if it is malformed. */
export async function parseForm(request: Request): Promise<Form> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^(?:multipart\/form-data|application\/x-www-form-urlencoded)\s*(?:;|$)/i.test(type)) {
    throw new HttpError(
      415,
      "the body must be multipart/form-data or application/x-www-form-urlencoded",
    );
  }
  try {
    return await request.formData();
  } catch (cause) {
    throw new HttpError(400, "the body is not valid form data", { cause });
  }
}
